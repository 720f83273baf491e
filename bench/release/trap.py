"""Train a task beside one whose outputs are shuffled, with adaptive sampling: `python -m bench.release.trap`.

The second task's names belong to other molecules, so that nothing can be learned but how names look. A line an epoch goes to
docs/results/trap.jsonl: the tasks' shares of the next epoch and their validation losses.
"""

from __future__ import annotations

import argparse
import csv
import json
import random
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.markdown import DOCS
from bench.studies.cells import QUIET, run_train
from datamodules.sources.lookup import load_source
from datamodules.storage.safe_csv import read_csv

RESULTS = DOCS / "results" / "trap.jsonl"
TASKS = ("name_small_molecules", "trap")
ROWS = 6_000
FLAGS = (
    "--data.format", "labels", "--data.sampling", "adaptive", "--data.epoch_rows", "4000", "--data.val_rows", "300",
    "--trainer.max_epochs", "6",
)  # fmt: skip
TASK = """description: Names of other molecules, which nothing tells.
source: trap.csv
input: {column: smiles, notation: smiles, label: SMILES}
output: {column: name, notation: text, label: OTHER}
instructions: [Give the other name.]
"""


def write_trap(folder: Path) -> Path:
    """Write a task whose outputs are shuffled, and its table; return the task's file."""
    rows = load_source("pubchem_small").table.to_pylist()[:ROWS]
    names = [row["iupac"] for row in rows]
    random.Random(0).shuffle(names)
    with (folder / "trap.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["smiles", "name"])
        writer.writerows((row["smiles"], name) for row, name in zip(rows, names, strict=True))
    path = folder / "trap.yaml"
    path.write_text(TASK, encoding="utf-8")
    return path


def list_epochs(metrics: Iterable[Mapping[str, str]]) -> list[dict[str, Any]]:
    """Return the shares and losses after each epoch, by the lines of a run's metrics.csv.

    Examples:
        >>> line = {"epoch": "0", "train/trap/share": "0.3", "val/trap/loss": "1.5", "val/loss": "1.2"}
        >>> list_epochs([{"epoch": "0"}, line])
        [{'epoch': 0, 'train/trap/share': 0.3, 'val/trap/loss': 1.5}]
    """
    wanted = [part.format(task) for task in TASKS for part in ("train/{}/share", "val/{}/loss")]
    found = []
    for line in metrics:
        values = {name: float(line[name]) for name in wanted if line.get(name)}
        if any(name.endswith("/share") for name in values):
            found.append({"epoch": int(line["epoch"]), **values})
    return found


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the fit, and write the file."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        tasks = f"{TASKS[0]},{write_trap(folder)}"
        run_train(["fit", "--name", "trap", "--data.task", tasks, *FLAGS, *QUIET], folder)
        lines = list_epochs(read_csv(folder / "runs" / "trap" / "metrics.csv"))
    RESULTS.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")


if __name__ == "__main__":
    main()
