"""Compare recipes of pretraining at equal processor time: `python -m bench.release.recipes --minutes 20`.

Each cell pretrains the bundled decoder's shape, or another, from random weights on the mix of configs/pretrain.yaml, for as many
rows as fit into the time, and is measured by the loss on the same validation rows. What a row costs is measured first, by two
short fits for each kind of cell whose rows cost something else. Processor seconds count, since the wall clock of a shared machine
does not: set OMP_NUM_THREADS=1, so that no thread waits for another. Results are appended to docs/results/recipes.jsonl, and a
cell that stands there is not run again; docs/results/recipes.md is written from the file.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import mean
from typing import Any, NamedTuple

from bench.markdown import DOCS, as_table
from bench.studies.cells import QUIET, run_train
from bench.studies.grid import words
from bench.studies.results import Result, append_result, read_results
from configs.lookup import CONFIGS
from datamodules.storage.safe_csv import read_csv

RESULTS = DOCS / "results" / "recipes.jsonl"
PAGE = DOCS / "results" / "recipes.md"
PARTS = {"cell": str, "seed": int, "minutes": float, "rows": int, "seconds": float, "loss": float}
"""What every line has."""
CONFIG = CONFIGS / "pretrain.yaml"
SHAPES = CONFIGS / "studies" / "shapes"
TRIALS = (2_000, 6_000)
"""Rows of the two fits that tell what a row costs."""


class Cell(NamedTuple):
    """A recipe that differs from configs/pretrain.yaml."""

    flags: Mapping[str, Any]
    cost: str = "as it is"
    """Cells of one cost are given equally many rows."""


def _betas(second: float) -> dict[str, Any]:
    return {"model.optimizer.init_args.betas": f"[0.9,{second}]"}


CELLS: dict[str, Cell] = {
    "as it is": Cell({}),
    "beta2 0.999": Cell(_betas(0.999)),
    "beta2 0.9998": Cell(_betas(0.9998)),
    "batch 32": Cell({"data.batch_size": 32}, "batch 32"),
    "weight decay 0.01": Cell({"model.optimizer.init_args.weight_decay": 0.01}),
    "weight decay 0.3": Cell({"model.optimizer.init_args.weight_decay": 0.3}),
    "averaged weights": Cell({"model.average_weights": 0.999}),
    "256 x 12": Cell({"model.base": SHAPES / "256x12.yaml"}, "256 x 12"),
    "384 x 8": Cell({"model.base": SHAPES / "384x8.yaml"}, "384 x 8"),
    "QK-norm": Cell({"model.base": SHAPES / "qk_norm.yaml"}, "QK-norm"),
}
"""What is compared; the bundled shape is 256 x 6 (width x layers), its batch 128, beta2 0.95, weight decay 0.1."""


def measure(cell: Cell, seed: int, rows: int) -> tuple[float, float]:
    """Fit one epoch of some rows; return the processor seconds of all of it, and the validation loss at the end."""
    flags = {**cell.flags, "data.epoch_rows": rows, "trainer.max_epochs": 1, "seed_everything": seed}
    with tempfile.TemporaryDirectory() as name:
        began = _children_seconds()
        run_train(["fit", "--config", str(CONFIG), "--name", "cell", *words(flags), *QUIET], Path(name))
        seconds = _children_seconds() - began
        losses = [row["val/loss"] for row in read_csv(Path(name) / "runs" / "cell" / "metrics.csv")]
    return seconds, float([loss for loss in losses if loss][-1])


def _children_seconds() -> float:
    """Return the processor seconds of all child processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def find_rows(seconds: float, trials: Sequence[tuple[int, float]]) -> int:
    """Return how many rows are trained in some processor seconds, without what a fit costs by itself.

    Args:
        seconds: The time for training.
        trials: The rows and processor seconds of two fits.

    Examples:
        >>> find_rows(600, [(1_000, 50.0), (3_000, 90.0)])
        30000
    """
    (few, short), (many, long) = trials
    return round(seconds * (many - few) / max(long - short, 1e-6))


def run_cells(
    names: Sequence[str],
    seeds: Sequence[int],
    minutes: float,
    add: Callable[[Result], None],
    done: Sequence[Mapping[str, Any]] = (),
) -> None:
    """Run the cells that are not done, all with one seed before the next seed.

    Args:
        names: Of `CELLS`.
        seeds: The seeds.
        minutes: Processor minutes of a cell's training.
        add: Takes each line when it is there.
        done: The lines that are there; their rows are used again for cells of the same cost.
    """
    found = {(line["cell"], line["seed"]) for line in done if line["minutes"] == minutes}
    rows_of = {CELLS[line["cell"]].cost: line["rows"] for line in done if line["minutes"] == minutes}
    for seed in seeds:
        for name in names:
            if (name, seed) in found:
                continue
            cell = CELLS[name]
            if cell.cost not in rows_of:
                trials = [(rows, measure(cell, 0, rows)[0]) for rows in TRIALS]
                rows_of[cell.cost] = find_rows(60 * minutes, trials)
            rows = rows_of[cell.cost]
            seconds, loss = measure(cell, seed, rows)
            add(
                {
                    "cell": name,
                    "seed": seed,
                    "minutes": minutes,
                    "rows": rows,
                    "seconds": seconds,
                    "loss": loss,
                }
            )


def write_page(lines: Sequence[Mapping[str, Any]]) -> str:
    """Return the page: a table for each time, the lowest mean loss first."""
    parts = [TEXT]
    for minutes in sorted({line["minutes"] for line in lines}):
        cells: dict[str, list[Mapping[str, Any]]] = {}
        for line in lines:
            if line["minutes"] == minutes:
                cells.setdefault(line["cell"], []).append(line)
        rows = []
        for name, members in sorted(cells.items(), key=lambda one: mean(line["loss"] for line in one[1])):
            losses = [line["loss"] for line in members]
            each = ", ".join(f"{loss:.4f}" for loss in losses)
            spent = mean(line["seconds"] for line in members) / 60
            rows.append([name, f"{mean(losses):.4f}", each, f"{members[0]['rows']:,}", f"{spent:.1f}"])
        header = (
            "recipe",
            "loss (nats a token)",
            "each seed",
            "rows",
            "processor minutes, all of the command",
        )
        parts.append(f"## {minutes:g} minutes\n\n{as_table(header, rows)}")
    return "\n".join(parts)


TEXT = """# Recipes at equal processor time

The bundled decoder's shape (width 256, 6 layers) and others from random weights on the mix of configs/pretrain.yaml, one thread,
for as many rows as fit into the time: the loss over all tokens of the same validation rows, 200 of each of seven kinds of text.
The learning rate warms up and decays within the time. `python -m bench.release.recipes` makes this page.
"""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the cells that are missing, and write the page after each."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--minutes", type=float, default=20.0, help="processor minutes of a cell's training")
    parser.add_argument("--seeds", type=int, nargs="*", default=[0, 1])
    parser.add_argument("--cells", nargs="*", default=list(CELLS), choices=list(CELLS))
    options = parser.parse_args(arguments)

    def add(line: Result) -> None:
        append_result(RESULTS, line)
        PAGE.write_text(write_page(read_results(RESULTS, PARTS)), encoding="utf-8")

    run_cells(options.cells, options.seeds, options.minutes, add, read_results(RESULTS, PARTS))


if __name__ == "__main__":
    main()
