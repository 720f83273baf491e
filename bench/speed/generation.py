"""Generation compared with `decoder.generate` of transformers: `python -m bench.speed.generation` prints one JSON line per case.

Each library runs in its own process: Patois with the thread settings of `train.py`, transformers with PyTorch's
default, which is best for it when nothing else runs. `bench.speed.generation_worker` is that process.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

from cli.openmp import thread_settings
from configs.lookup import PROJECT

LIBRARIES = ("patois", "transformers")


class Case(NamedTuple):
    """One comparison."""

    shape: str
    format: str
    rows: int
    slots: int
    """Rows decoded at once; also the batch size for transformers."""


CASES = (
    Case("builtin", "arrow", 512, 64),
    Case("builtin", "alpaca", 512, 64),
    Case("smollm2-135m", "arrow", 64, 16),
    Case("opt-125m", "arrow", 64, 16),
)


def environment(library: str) -> dict[str, str]:
    """Return a library's environment: only the thread settings differ, and the user's own win."""
    return {**(thread_settings() if library == "patois" else {}), **os.environ}


def run_library(library: str, case: Case, folder: Path) -> tuple[dict[str, Any], list[list[int]]]:
    """Return the measurements of a library's process, and each row's tokens.

    Raises:
        RuntimeError: If the process failed; with the end of its error output.
    """
    done = subprocess.run(
        [
            sys.executable, "-m", "bench.speed.generation_worker", library, "--folder", str(folder), "--shape", case.shape,
            "--format", case.format, "--rows", str(case.rows), "--slots", str(case.slots),
        ],
        cwd=PROJECT, env=environment(library), capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"{library} could not generate:\n{done.stderr[-3000:]}")
    answers = json.loads((folder / f"{library}.json").read_text(encoding="utf-8"))
    return json.loads(done.stdout.splitlines()[-1]), answers


def measure(case: Case, folder: Path, number: int = 0) -> dict[str, Any]:
    """Return the result of a case; the order of the two libraries changes from round to round."""
    found = {
        library: run_library(library, case, folder) for library in LIBRARIES[:: 1 if number % 2 == 0 else -1]
    }
    (ours, own_answers), (theirs, answers) = found["patois"], found["transformers"]
    tokens = sum(map(len, answers))
    return {
        "case": f"{case.shape}, {case.format}", "rows": case.rows, "slots": case.slots, "tokens": tokens,
        "different": sum(own != other for own, other in zip(own_answers, answers, strict=True)),
        "rows_per_second": case.rows / ours["seconds"],
        "transformers_rows_per_second": case.rows / theirs["seconds"],
        "ratio": theirs["seconds"] / ours["seconds"],
        "passes": ours["passes"], "transformers_passes": theirs["passes"], "least_passes": -(-tokens // case.slots),
    }  # fmt: skip


def main() -> None:
    """Measure all cases."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--round", type=int, default=0, help="number of the round: transformers runs first in odd rounds"
    )
    args = parser.parse_args()
    for case in CASES:
        with tempfile.TemporaryDirectory() as folder:
            sys.stdout.write(json.dumps(measure(case, Path(folder), args.round)) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
