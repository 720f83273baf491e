"""Measure the way from a table to the first training batch: 10^4, 10^5 and 10^6 rows, cold and from the cache.

The tables are made from the built-in molecules by random spellings (a csv of `smiles,name`), once, in a temporary
folder. Each measurement is a fresh process: imports, tokenizer, `setup("fit")`, the first training batch and the first
step of the built-in decoder on it. `python -m bench.data --help` shows the flags.

    case         what is read
    molecules    SMILES: each is parsed, canonicalised and split by its InChIKey's connectivity
    text         the same strings as plain text: all distinct, so the tokenizer bounds it
"""

from __future__ import annotations

import argparse
import csv
import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
SIZES = (10_000, 100_000, 1_000_000)
SEED = 0
_CHUNK = 2_000


def spell(rows: list[tuple[str, str, int, int]]) -> list[tuple[str, str]]:
    """Return `count` random spellings of each molecule beside its name."""
    from rdkit import Chem

    spelled = []
    for smiles, name, count, seed in rows:
        texts = Chem.MolToRandomSmilesVect(Chem.MolFromSmiles(smiles), count, randomSeed=seed)
        spelled += [(text, name) for text in texts]
    return spelled


def make_table(rows: int, folder: Path) -> Path:
    """Write a shuffled csv of `rows` random spellings of the built-in molecules; the same file for the same arguments."""
    import numpy as np

    path = folder / f"random_smiles_{rows}_{SEED}.csv"
    if path.is_file():
        return path
    sys.path.insert(0, str(ROOT))
    from datamodules.sources import pubchem

    table = pubchem.load().table.select(["smiles", "iupac"]).to_pydict()
    total = len(table["smiles"])
    order = np.random.default_rng(SEED).permutation(total)
    counts = np.full(total, rows // total)
    counts[: rows % total] += 1
    work = [
        (table["smiles"][place], table["iupac"][place], int(count), int(place) + 1)
        for place, count in zip(order, counts, strict=True)
        if count
    ]
    with ProcessPoolExecutor() as pool:
        chunks = pool.map(spell, [work[start : start + _CHUNK] for start in range(0, len(work), _CHUNK)])
        pairs = [pair for chunk in chunks for pair in chunk]
    folder.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".part")
    with unfinished.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["smiles", "name"])
        writer.writerows(pairs[place] for place in np.random.default_rng(SEED + 1).permutation(len(pairs)))
    unfinished.replace(path)
    return path


def measure(path: str, notation: str, cache: str) -> None:
    """Run once, in this process, and print the seconds of each stage as JSON."""
    start = time.perf_counter()
    sys.path.insert(0, str(ROOT))
    import torch

    torch.manual_seed(0)
    from datamodules.sequence_task import SequenceTaskDataModule
    from lightning_modules.causal_lm import CausalLM

    model = CausalLM(base="builtin")
    imported = time.perf_counter()
    options: dict[str, Any] = {"input_notation": "text"} if notation == "text" else {}
    if cache:
        options["cache_dir"] = cache
    data = SequenceTaskDataModule(
        model.tokenizer, source=path, input_column="smiles", output_column="name", format="arrow", **options
    )
    data.setup("fit")
    ready = time.perf_counter()
    batch = next(iter(data.train_dataloader()))
    first = time.perf_counter()
    report = {
        "imports": imported - start,
        "setup": ready - imported,
        "batch": first - ready,
        "rows": data.report["rows"],
        "tokens": int(data.encoded["train"].offsets[-1]),
        "batch_shape": list(batch["input_ids"].shape),
    }
    for name, who in (("own", resource.RUSAGE_SELF), ("child", resource.RUSAGE_CHILDREN)):
        usage = resource.getrusage(who)
        report[f"{name}_gb"] = usage.ru_maxrss / 2**20
        report[f"{name}_cpu"] = usage.ru_utime + usage.ru_stime
    sys.stdout.write(json.dumps(report) + "\n")


def run_fresh(path: Path, notation: str, cache: Path | None) -> dict[str, object]:
    """Measure in a fresh process; return its report with the wall time of the whole process and its peak memory."""
    command = [sys.executable, __file__, "--measure", str(path), "--case", notation]
    command += ["--cache", str(cache)] if cache else []
    start = time.perf_counter()
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    report: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    report["wall"] = time.perf_counter() - start
    return report


def main() -> None:
    """Make the tables, measure, and print a JSON line a measurement."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, nargs="*", default=SIZES)
    parser.add_argument("--case", nargs="*", default=["molecules", "text"])
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "patois-bench")
    parser.add_argument("--starts", nargs="*", default=["cold", "warm"])
    parser.add_argument("--measure", help=argparse.SUPPRESS)
    parser.add_argument("--cache", default="", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.measure:
        measure(args.measure, args.case[0], args.cache)
        return
    for case in args.case:
        for rows in args.rows:
            path, cache = make_table(rows, args.folder), args.folder / "cache"
            shutil.rmtree(cache, ignore_errors=True)
            for start in args.starts:
                report = run_fresh(path, case, None if start == "off" else cache)
                sys.stdout.write(json.dumps({"case": case, "start": start, **report, "rows": rows}) + "\n")
                sys.stdout.flush()


if __name__ == "__main__":
    main()
