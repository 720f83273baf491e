"""Measure the time from a table to the first training step: 10^4, 10^5 and 10^6 rows, cold and from the cache.

Each measurement is a `python train.py fit` of the built-in decoder, from the command to the end of its first training step,
without W&B. The tables are made from the built-in molecules, once, in a temporary folder.
`python -m bench.speed.data.data_loading` prints one JSON line per measurement; `--help` shows the flags.

    case         rows
    molecules    SMILES of distinct molecules: each is parsed, canonicalised and split by its InChIKey's connectivity
    spellings    the same with nine random spellings per molecule, so that InChI runs once per molecule
    text         the strings of `molecules` as plain text
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from bench.speed.cases import at_least_one
from bench.speed.data.make_tables import SPELLINGS, make_table
from bench.speed.memory import PeakMemory
from bench.speed.startup import run_to_first_step

SIZES = (10_000, 100_000, 1_000_000)
CASES = ("molecules", "spellings", "text")
STARTS = ("cold", "warm")
LOOK_SECONDS = 0.2


def measure(path: Path, case: str, cache: Path) -> dict[str, Any]:
    """Run to the first training step.

    Returns:
        The result of `run_to_first_step`; `peak_gb`, the largest total memory of the run and all its child processes, and their
        number then (`processes`); `own_gb`, the run's own peak by the kernel, which counts shared pages in full.
    """
    memory = PeakMemory()
    found = run_to_first_step(
        "--model.base", "builtin", "--data.source", str(path), "--data.input_column", "smiles",
        "--data.output_column", "name", "--data.input_notation", "text" if case == "text" else "smiles",
        "--data.output_notation", "text",
        "--data.format", "arrow", "--data.cache_dir", str(cache), "--trainer.enable_progress_bar", "false",
        "--trainer.logger", "callbacks.loggers.metrics_csv.MetricsCSV", "--trainer.logger.folder", "metrics",
        look=memory.look, every=LOOK_SECONDS,
    )  # fmt: skip
    return {
        **found,
        "peak_gb": memory.peak / 1e9,
        "processes": memory.processes,
        "looks": memory.looks,
        "own_gb": memory.own_peak / 1e9,
    }


def main(words: list[str] | None = None) -> None:
    """Make the tables, measure, and print one JSON line per measurement."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=at_least_one, nargs="+", default=SIZES)
    parser.add_argument("--case", nargs="+", choices=CASES, default=CASES)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "patois-bench")
    parser.add_argument("--starts", nargs="+", choices=STARTS, default=STARTS)
    args = parser.parse_args(words)
    cache = args.folder / "cache"
    for case in args.case:
        for rows in args.rows:
            path = make_table("spellings" if case == "spellings" else "molecules", rows, args.folder)
            shutil.rmtree(cache, ignore_errors=True)
            for start in args.starts:
                found = measure(path, case, cache)
                used = found.pop("rows")
                distinct = -(-rows // SPELLINGS) if case == "spellings" else rows
                result = {
                    "case": case,
                    "start": start,
                    "rows": rows,
                    "distinct": distinct,
                    "used": used,
                    **found,
                }
                sys.stdout.write(json.dumps(result) + "\n")
                sys.stdout.flush()


if __name__ == "__main__":
    main()
