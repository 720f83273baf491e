"""docs/results/kinds.md from the measured lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from bench.markdown import as_table
from bench.release.kinds.cells import find_cells
from configs.lookup import PROJECT
from datamodules.tasks import load_task

PAGE = PROJECT / "docs" / "results" / "kinds.md"
LABELS = {
    "auroc": "AUROC", "mae_all": "MAE", "spearman": "Spearman", "exact_match": "exact match", "right": "right",
    "component_f1": "F1 of components", "accuracy": "accuracy", "balanced_accuracy": "balanced accuracy",
    "token_f1": "F1 of words",
}  # fmt: skip
"""How the page calls each metric."""


def write_page(lines: Sequence[Mapping[str, Any]]) -> str:
    """Return the page: each cell and system with the mean and spread over seeds, and the first seed's interval over rows."""
    parts = [TEXT]
    known = find_cells(Path())
    for cell in dict.fromkeys(line["cell"] for line in lines):
        members = [line for line in lines if line["cell"] == cell]
        shown = [metric for metric in known[cell].metrics if any(metric in line for line in members)]
        rows = []
        systems = dict.fromkeys(line["system"] for line in members)
        for system in sorted(systems, key=lambda system: system != "model"):
            found = [line for line in members if line["system"] == system]
            cells = [describe(found, metric) for metric in shown]
            rows.append([system, *cells, str(len(found)), f"{found[0]['rows']:,.0f}"])
        task = known[cell].flags.get("data.task")
        unit = load_task(task).output.unit if task else None
        names = [
            f"{LABELS[metric]}{f' in {unit}' if unit and metric == 'mae_all' else ''}" for metric in shown
        ]
        header = ["system", *(f"{name} (95 %)" for name in names), "seeds", "rows"]
        parts.append(f"## {cell}\n\n{as_table(header, rows)}")
    return "\n".join(parts)


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
validation rows; learning rate and epochs were chosen by five trials whose test figures of BBBP with seed 0 were seen (the log),
so that this one cell may be a little too good. Nearest sentences are whole sentences, which no short answer equals: compare
their F1. A figure is the mean over seeds, ± their standard deviation, with the 95 % interval over the test rows of the
first seed.
`python -m bench.release.kinds` makes this page.
"""
