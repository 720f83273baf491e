"""Try everything on a GPU that is there, in one command: `python -m tests.gpu.suite [SECTION ...]`, or `make gpu`.

    suite ──► a fork for each section, with a limit ──► gpu.jsonl, gpu.md and a line, after each section

What is most worth knowing comes first, so a command that is cut short has done most of its work. `--device cpu` runs the same
lines at tiny sizes; its figures mean nothing and go to another folder.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import json
import os
import sys
import tempfile
import time
from pathlib import Path

from bench.markdown import DOCS
from bench.speed.cases import one_of
from bench.speed.results import read_results, replaced
from configs.lookup import PROJECT
from datamodules.storage.atomic_write import whole_file
from tests.gpu.apart import CutShort, run_apart
from tests.gpu.card import describe
from tests.gpu.place import TINY_FACTOR, Place, Result, Section
from tests.gpu.report import OUTCOME, checks_of, write_page

MODEL = ("pyarrow", "jsonargparse", "pytest")
"""What the model and the tests' helpers import beyond PyTorch, Lightning and Transformers."""
WHOLE = (*MODEL, "rdkit", "rapidfuzz", "selfies", "wandb")
"""What a whole run imports."""
SECTIONS = (
    Section("families", "exactness:families", 30, MODEL),
    Section("bf16", "exactness:mixed_precision", 40, MODEL),
    Section("generation", "exactness:generation", 40, MODEL),
    Section("packing", "exactness:packing", 70, MODEL),
    Section("ranks", "ranks:compare", 60, MODEL),
    Section("resume", "runs:resume", 90, WHOLE),
    Section("compile", "exactness:compiled", 60, MODEL),
    Section("speed-opt-125m", "speed:compare", 100, WHOLE, ("opt-125m",)),
    Section("flagship", "runs:flagship", 130, WHOLE),
    Section("speed-opt-1.3b", "speed:compare", 120, WHOLE, ("opt-1.3b",)),
    Section("speed-smollm2-135m", "speed:compare", 100, WHOLE, ("smollm2-135m",)),
)
LEAST = 5.0
"""A section is not begun with fewer seconds left."""
MINUTES = 8.0
HEAVY = ("cli.patois_cli", "datamodules.sequence_task")
"""Imported once, before the first fork."""


def main(words: list[str] | None = None) -> int:
    """Run the sections; return 1 if one failed or was cut short."""
    args = parse(words)
    out = args.out or (DOCS if args.device == "cuda" else PROJECT / "runs" / "gpu-suite")
    end = time.monotonic() + 60 * args.minutes
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    with tempfile.TemporaryDirectory(prefix="patois-gpu-") as name:
        os.environ.setdefault("PATOIS_CACHE", f"{name}/cache")
        place = Place(args.device, Path(name))
        [machine] = run_apart(describe, place, 60)
        if args.device == "cuda" and not machine["cards"]:
            say("No GPU that PyTorch sees, so nothing was run. `--device cpu` tries the suite itself.")
            return 0
        out.mkdir(parents=True, exist_ok=True)
        failed = False
        for section in (one for one in SECTIONS if one.name in (args.sections or [s.name for s in SECTIONS])):
            folder = Path(name) / section.name
            folder.mkdir()
            found = list(attempt(section, Place(args.device, folder), end - time.monotonic()))
            keep(out, section.name, machine, found)
            say(summary(section.name, found))
            failed |= is_bad(found)
        say(f"{out / 'gpu.md'}")
    return int(failed)


def parse(words: list[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.gpu.suite", description=__doc__.split("\n")[0])
    names = [section.name for section in SECTIONS]
    parser.add_argument("sections", nargs="*", type=one_of(names), metavar="SECTION",
                        help=f"any of {', '.join(names)}; default: all")  # fmt: skip
    parser.add_argument("--device", default="cuda", choices=("cuda", "cpu"))
    parser.add_argument(
        "--minutes", type=float, default=MINUTES, help="no section runs longer than that, all together"
    )
    parser.add_argument(
        "--out", type=Path, help="folder of gpu.jsonl and gpu.md; default: docs, and runs/gpu-suite for a CPU"
    )
    return parser.parse_args(words)


def attempt(section: Section, place: Place, left: float) -> list[Result]:
    """Return what a section yields, and a last line about its outcome."""
    begun, found = time.monotonic(), list[Result]()
    limit = min(left, section.seconds * (TINY_FACTOR if place.tiny else 1))
    try:
        if missing := section.missing():
            outcome = f"skipped: needs {', '.join(missing)}"
        elif limit < LEAST:
            outcome = "not begun: no time left"
        else:
            outcome = "done"
            for module in HEAVY if "rdkit" in section.needs else ():
                importlib.import_module(module)
            for result in run_apart(section.load(), place, limit):
                found.append(result)
    except (CutShort, ImportError) as error:
        outcome = str(error)
    return [*found, {"what": OUTCOME, "outcome": outcome, "wall_seconds": round(time.monotonic() - begun, 1)}]


def keep(out: Path, section: str, machine: Result, found: list[Result]) -> None:
    """Replace a section's results in gpu.jsonl, and write the page anew."""
    path = out / "gpu.jsonl"
    lines = replaced(read_results(path), section, machine, [{"section": section, **line} for line in found])
    with whole_file(path) as file:
        file.writelines(json.dumps(line) + "\n" for line in lines)
    write_page(out)


def is_bad(found: list[Result]) -> bool:
    """Return whether a check failed, or a section or a part of it ended with an error or was cut short."""
    outcome = found[-1]["outcome"]
    unfinished = outcome != "done" and not outcome.startswith("skipped")
    return unfinished or any(not line.get("passed", True) or "error" in line for line in found)


def summary(section: str, found: list[Result]) -> str:
    """Return one line about a section."""
    *results, last = ({"section": section, **line} for line in found)
    checks = checks_of(results, section)
    parts = [last["outcome"].strip().splitlines()[-1]]
    if checks:
        parts.append(f"{sum(one['passed'] for one in checks)} of {len(checks)} checks within their bounds")
    parts += [
        f"{one['what']}: {one['value']:.2g}, bound {one['bound']:g}" for one in checks if not one["passed"]
    ]
    for line in results:
        if "rows_per_second" in line:
            parts.append(f"{line['what']} {line['rows_per_second']:,.0f} rows/s")
        elif why := line.get("skipped") or line.get("error"):
            parts.append(f"{line['what']}: {why.strip().splitlines()[-1]}")
    return f"{section:<19} {', '.join(parts)} ({last['wall_seconds']:.0f} s)"


def say(line: str) -> None:
    """Print a line at once; a pipe that nobody reads any more ends nothing."""
    with contextlib.suppress(BrokenPipeError):
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
