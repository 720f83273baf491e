"""Measure what tables larger than the memory cost: from a table to the first training batch, cold and from the cache.

Each measurement is a process that prepares the rows and tokens of a `fit` of the built-in decoder, makes a batch, and remembers
its training rows; the decoder itself is not loaded. Reported are the processor seconds of the process and of all its workers, and
its peak of resident memory by the kernel, in which pages of mapped files count.
`python -m bench.speed.data.large_tables --rows 10000 100000` prints a JSON line for each; ten million rows take about 20 minutes
of one core and 5 GB of disk, half of it temporary.

    case      rows
    text      the SMILES and names of the built-in molecules as plain text, each with a number, so that no two rows are equal
    smiles    the SMILES themselves, in the notation `smiles`, repeated as often as needed: each is read, and InChI asked once
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from bench.speed.cases import at_least_one
from configs.lookup import PROJECT
from datamodules.storage.atomic_write import whole_file

CASES = ("text", "smiles")
STARTS = ("cold", "warm")
_AT_ONCE = 100_000


def make_rows(case: str, rows: int, folder: Path) -> Path:
    """Write a csv of SMILES and names, unless it exists; equal arguments give equal files."""
    from datamodules.sources.shipped import PUBCHEM

    path = folder / f"{case}_{rows}.csv"
    if path.is_file():
        return path
    table = PUBCHEM.load().table.select(["smiles", "iupac"]).to_pydict()
    smiles, names = table["smiles"], table["iupac"]
    rng = np.random.default_rng(0)
    folder.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as file:
        file.write("smiles,name\n")
        for start in range(0, rows, _AT_ONCE):
            chosen = rng.integers(len(smiles), size=min(_AT_ONCE, rows - start)).tolist()
            number = [f" x{start + place}" if case == "text" else "" for place in range(len(chosen))]
            file.writelines(
                f'{smiles[molecule]}{mark},"{names[molecule]}{mark}"\n'
                for molecule, mark in zip(chosen, number, strict=True)
            )
    return path


def prepare(path: Path, case: str, cache: Path) -> dict[str, Any]:
    """Prepare a table in this process; return its peak memory, its processor seconds, and a hash of what it made."""
    from transformers import AutoTokenizer

    from datamodules.rows.training_record import record_rows
    from datamodules.sequence_task import SequenceTaskDataModule

    started = os.times()
    data = SequenceTaskDataModule(
        AutoTokenizer.from_pretrained(PROJECT / "lightning_modules" / "builtin"), source=str(path),
        input_column="smiles", output_column="name", input_notation="smiles" if case == "smiles" else "text",
        output_notation="text", format="arrow", cache_dir=str(cache),
    )  # fmt: skip
    data.setup("fit")
    batches = data._training_batches(0)
    record = record_rows(data.iterate_texts("train"))
    made = hashlib.blake2b(batches[0]["input_ids"].numpy().tobytes() + record.hashes.tobytes(), digest_size=8)
    now, children = os.times(), resource.getrusage(resource.RUSAGE_CHILDREN)
    return {
        "used": data.report["rows"],
        "batches": len(batches),
        "cpu_s": now.user
        + now.system
        - started.user
        - started.system
        + children.ru_utime
        + children.ru_stime,
        "peak_gb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9,
        "made": made.hexdigest(),
    }


def measure(path: Path, case: str, cache: Path) -> dict[str, Any]:
    """Return what `prepare` returns, of a process of its own."""
    words = [sys.executable, "-m", "bench.speed.data.large_tables", "--prepare", str(path), "--case", case]
    done = subprocess.run(
        [*words, "--folder", str(cache.parent)], cwd=PROJECT, check=True, stdout=subprocess.PIPE, text=True
    )
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def main(words: list[str] | None = None) -> None:
    """Make the tables, measure, and print one JSON line per measurement."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=at_least_one, nargs="+", default=(10_000, 100_000, 1_000_000))
    parser.add_argument("--case", nargs="+", choices=CASES, default=("text",))
    parser.add_argument("--starts", nargs="+", choices=STARTS, default=STARTS)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "patois-bench-large")
    parser.add_argument("--prepare", type=Path, help="prepare this table and print what it took")
    args = parser.parse_args(words)
    cache = args.folder / "cache"
    if args.prepare is not None:
        sys.stdout.write(json.dumps(prepare(args.prepare, args.case[0], cache)) + "\n")
        return
    for case in args.case:
        for rows in args.rows:
            path = make_rows(case, rows, args.folder)
            shutil.rmtree(cache, ignore_errors=True)
            for start in args.starts:
                result = {"case": case, "rows": rows, "start": start, **measure(path, case, cache)}
                sys.stdout.write(json.dumps(result) + "\n")
                sys.stdout.flush()


if __name__ == "__main__":
    main()
