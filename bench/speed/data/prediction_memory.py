"""Peak memory and processor time of `predict` or `test` by the number of rows.

`python -m bench.speed.data.prediction_memory 10000 100000 --stage test --model.base tiny.yaml`; further flags go to the command.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from bench.speed.memory import PeakMemory
from callbacks.loggers.terminal import say


def write_rows(path: Path, count: int, with_target: bool = False) -> None:
    """Write a table of different short SMILES of chains, `id,smiles`; with a target also `text`.

    Args:
        path: The table.
        count: Number of rows.
        with_target: Add the column `text`, a copy of the SMILES.
    """
    draw = random.Random(0)
    with path.open("w", encoding="utf-8") as file:
        file.write("id,smiles,text\n" if with_target else "id,smiles\n")
        for number in range(count):
            chain = "".join(draw.choices("CNO", (8, 1, 1), k=draw.randint(4, 14)))
            smiles = f"C{chain}C".replace("OO", "OC").replace("NN", "NC")
            file.write(f"{number},{smiles},{smiles}\n" if with_target else f"{number},{smiles}\n")


def measure(command: Sequence[str], folder: Path) -> dict[str, float]:
    """Run a command; return the peak memory of its process tree in MB, and processor and wall seconds."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    memory, start = PeakMemory(), time.monotonic()
    with (folder / "output.txt").open("wb") as output:
        process = subprocess.Popen(
            command, stdout=output, stderr=output, env={**os.environ, "OMP_NUM_THREADS": "1"}
        )
        while process.poll() is None:
            memory.look(process.pid)
            time.sleep(0.2)
    if process.returncode:
        raise RuntimeError((folder / "output.txt").read_text(encoding="utf-8", errors="replace")[-2000:])
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {
        "peak_mb": round(memory.peak / 1e6),
        "own_mb": round(memory.own_peak / 1e6),
        "processor_s": round(seconds, 1),
        "wall_s": round(time.monotonic() - start, 1),
    }


def main() -> None:
    """Measure each number of rows and print a JSON line for it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rows", type=int, nargs="+")
    parser.add_argument("--stage", choices=("predict", "test"), default="predict")
    parser.add_argument("--suffix", default=".csv")
    given, further = parser.parse_known_args()
    for rows in given.rows:
        with tempfile.TemporaryDirectory(prefix="patois-") as name:
            folder = Path(name)
            table = folder / "rows.csv"
            write_rows(table, rows, with_target=given.stage == "test")
            command = [sys.executable, "train.py", given.stage, "--model.generation.max_new_tokens", "4"]
            if given.stage == "predict":
                command += ["--data.task", "smiles_to_iupac", "--data.predict_path", str(table)]
                command += ["--output", str(folder / f"answers{given.suffix}")]
            else:
                command += ["--data.source", str(table), "--data.input_column", "smiles"]
                command += ["--data.output_column", "text", "--data.val_fraction", "0"]
                command += [
                    "--data.test_fraction",
                    "0.99",
                    "--wandb.offline",
                    "true",
                    "--data.cache",
                    "false",
                ]
            found = measure([*command, *further], folder)
            say(json.dumps({"stage": given.stage, "rows": rows, **found}))


if __name__ == "__main__":
    main()
