"""Measure everything and write docs/speed.md: `python -m bench [SECTION ...] [--rounds 5]`; nothing else should run meanwhile.

Each figure is measured in a process of its own. What is compared runs in turn, round after round, so that a machine that
gets slower makes all of it slower; a ratio is the median of the rounds' ratios. Raw results go to docs/speed.jsonl.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, NamedTuple

from configs.cli import has_bf16_units
from configs.threads import thread_settings

PROJECT = Path(__file__).resolve().parents[1]
RESULTS = PROJECT / "docs" / "speed.jsonl"
PACKAGES = (
    "torch",
    "lightning",
    "transformers",
    "tokenizers",
    "trl",
    "litgpt",
    "accelerate",
    "rdkit",
    "numpy",
)


class Case(NamedTuple):
    """One comparison of trainers."""

    shape: str
    format: str
    rows: int
    batch_size: int
    precision: str
    """`fp32`, or `native`: bf16 on a CPU with units for it, as `python train.py fit` chooses."""
    trainers: tuple[str, ...]


CASES: tuple[Case, ...] = (
    Case(
        "builtin", "arrow", 512, 16, "native",
        ("patois", "patois-fast", "bare", "trl-default", "trl-best", "trl-packed", "hf-best", "hf-compiled"),
    ),
    Case("builtin", "alpaca", 512, 16, "native", ("patois", "patois-fast", "trl-default", "hf-best", "hf-compiled")),
    Case("builtin", "arrow", 512, 16, "fp32", ("patois", "bare", "hf-best")),
    Case("smollm2-135m", "arrow", 64, 8, "native", ("patois", "bare", "trl-default", "hf-best", "litgpt")),
    Case("smollm2-135m", "alpaca", 64, 8, "native", ("patois", "trl-default", "hf-best")),
    Case("opt-125m", "arrow", 64, 8, "native", ("patois", "bare", "trl-default", "hf-best")),
    Case("opt-125m", "alpaca", 64, 8, "native", ("patois", "hf-best")),
)  # fmt: skip
WORDS: dict[str, tuple[tuple[str, ...], ...]] = {
    "mfu": (
        ("--shape", "smollm2-135m"), ("--shape", "smollm2-135m", "--precision", "bf16"), ("--shape", "opt-125m"),
        ("--shape", "builtin", "--rows", "512"),
    ),
    "generation": (("--repeats", "1"),),  # the rounds repeat it
    "data": (("--case", "molecules"), ("--case", "text", "--rows", "1000000")),
}  # fmt: skip
"""Arguments of each measurement of a section, where it has any."""


def describe_machine() -> dict[str, Any]:
    """Return what the figures depend on: processor, cores, Python, and the versions of packages."""
    versions = {}
    for package in PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:  # noqa: PERF203  a handful of them
            continue
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return {
        "section": "machine", "processor": names[0] if names else platform.processor(), "cores": os.cpu_count(),
        "python": platform.python_version(), **versions,
    }  # fmt: skip


def run_module(module: str, *words: str) -> list[dict[str, Any]]:
    """Run a module of this package in a process of its own and return its JSON lines.

    Threads wait as `train.py` lets them; in other trainers as PyTorch does by itself, which is best for them where nothing
    else runs.
    """
    others = module == "bench.trainers" and not words[0].startswith("patois")
    done = subprocess.run(
        [sys.executable, "-m", module, *words], cwd=PROJECT, capture_output=True, text=True, check=False,
        env={**({} if others else thread_settings()), **os.environ, "TOKENIZERS_PARALLELISM": "true"},
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"python -m {module} {' '.join(words)} failed:\n{done.stderr[-3000:]}")
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def measure_training(rounds: int) -> Iterator[dict[str, Any]]:
    """Yield one result a trainer, case and round; all cases come in each round, so that it can be stopped at any time."""
    with tempfile.TemporaryDirectory() as folder:
        for number in range(rounds):
            for case in CASES:
                precision = "bf16" if case.precision == "native" and has_bf16_units() else "fp32"
                for trainer in case.trainers:
                    words = [
                        trainer, "--folder", f"{folder}/{case.shape}-{case.format}", "--shape", case.shape,
                        "--format", case.format, "--rows", str(case.rows), "--batch-size", str(case.batch_size),
                        "--precision", precision,
                    ]  # fmt: skip
                    [result] = run_module("bench.trainers", *words)
                    what = {name: value for name, value in case._asdict().items() if name != "trainers"}
                    yield {"section": "training", "round": number, **what, "precision": precision, **result}


def measure_alone(section: str, rounds: int) -> Iterator[dict[str, Any]]:
    """Yield the results of a section whose module measures by itself."""
    for number in range(rounds):
        for words in WORDS.get(section, ((),)):
            for result in run_module(f"bench.{section}", *words):
                yield {"section": section, "round": number, **result}


def main() -> None:
    """Measure the sections asked for, put their results in place of older ones, and write the page."""
    from bench.report import write_page

    sections = ("training", "mfu", "generation", "metrics", "data", "startup", "scaling")
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sections", nargs="*", help=f"some of {', '.join(sections)}; default: all")
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    results = [json.loads(line) for line in RESULTS.read_text().splitlines()] if RESULTS.exists() else []
    for section in args.sections or sections:
        measured = (
            measure_training(args.rounds) if section == "training" else measure_alone(section, args.rounds)
        )
        kept = [result for result in results if result["section"] not in (section, "machine")]
        results = [describe_machine(), *kept]
        for result in measured:
            sys.stdout.write(json.dumps(result) + "\n")
            sys.stdout.flush()
            results.append(result)
            RESULTS.write_text("".join(json.dumps(line) + "\n" for line in results), encoding="utf-8")
    write_page(results)


if __name__ == "__main__":
    main()
