"""A run's epochs as a table, `epochs.csv`: a line an epoch, made of what metrics.csv holds."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Mapping
from pathlib import Path

from callbacks.rows.headlines import HEADLINES, Headline, headlines_of_log
from datamodules.storage.safe_csv import write_csv

FILE = "epochs.csv"
COLUMNS = {
    "epoch": "epoch",
    "step": "step",
    "train_loss": "train/loss",
    "val_loss": "val/loss",
    "exact_match": "val/exact_match",
    "exact_match_low": "",
    "exact_match_high": "",
    "validity": "val/validity",
    "rows_per_second": "train/rows_per_second",
    "supervised_tokens_per_second": "train/supervised_tokens_per_second",
    "seconds": "train/seconds",
}
"""The columns, and the metric that each holds. The bounds are those of the task, so a mean over several tasks has none."""
OF_TASK = ("exact_match", "exact_match_low", "exact_match_high", "validity")
"""What each of several tasks has a column of, such as `TASK/validity`. A task with another headline has it, too."""


def read_metrics(path: Path) -> list[dict[str, float]]:
    """Return the lines of a metrics.csv as numbers by name, without the empty cells; none if there is no such file."""
    if not path.is_file():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return [{name: float(cell) for name, cell in line.items() if cell} for line in csv.DictReader(file)]


def average_losses(lines: Iterable[Mapping[str, float]]) -> dict[int, float]:
    """Return the mean of the training losses that were logged within each epoch.

    Examples:
        >>> average_losses([{"epoch": 0, "train/loss": 3.0}, {"epoch": 0, "train/loss": 2.0}, {"epoch": 1, "val/loss": 1.0}])
        {0: 2.5}
    """
    losses: dict[int, list[float]] = {}
    for line in lines:
        if "epoch" in line and "train/loss" in line:
            losses.setdefault(int(line["epoch"]), []).append(line["train/loss"])
    return {epoch: math.fsum(found) / len(found) for epoch, found in losses.items()}


def summarize_epochs(lines: Iterable[Mapping[str, float]]) -> list[dict[str, float | None]]:
    """Return a line for each epoch that logged a loss or was evaluated, as numbers by column.

    The training loss is the mean of what was logged within the epoch; every other value is the epoch's last one.

    Examples:
        >>> [line] = summarize_epochs([{"epoch": 0, "step": 9, "train/loss": 3.0}, {"epoch": 0, "step": 19, "train/loss": 2.0}])
        >>> line["epoch"], line["step"], line["train_loss"], line["val_loss"]
        (0, 20, 2.5, None)
    """
    lines = list(lines)
    losses = average_losses(lines)
    tasks = headlines_of_log(name for line in lines for name in line)
    last: dict[int, dict[str, float]] = {}
    for line in lines:
        if "epoch" in line and any(name.startswith(("train/loss", "val/")) for name in line):
            epoch = int(line["epoch"])
            last.setdefault(epoch, {}).update(line)
        elif "epoch" in line and int(line["epoch"]) in last:  # the speed, which is logged when the epoch ends
            last[int(line["epoch"])].update(line)
    return [_line(epoch, values, losses.get(epoch), tasks) for epoch, values in sorted(last.items())]


def _line(
    epoch: int, values: Mapping[str, float], loss: float | None, tasks: Mapping[str, Headline]
) -> dict[str, float | None]:
    """Return an epoch's cells by column."""
    line: dict[str, float | None] = {column: values.get(metric) for column, metric in COLUMNS.items()}
    # Lightning logs the step before it counts it.
    line |= {"epoch": epoch, "step": int(values["step"]) + 1, "train_loss": loss}
    for headline in HEADLINES.values():
        if headline in tasks.values():
            line[headline.metric] = values.get(f"val/{headline.metric}")
    for task, headline in tasks.items():
        bounds = (headline.metric, f"{headline.metric}_low", f"{headline.metric}_high")
        for name in dict.fromkeys((*OF_TASK, *bounds)):
            value = values.get(f"val/{task}/{name}")
            if len(tasks) == 1 and line.get(name) is None:
                line[name] = value
            elif len(tasks) > 1:
                line[f"{task}/{name}"] = value
    return line


def write_epochs(run: Path) -> None:
    """Write `epochs.csv` into a run's folder, if its metrics.csv has an epoch."""
    if lines := summarize_epochs(read_metrics(run / "metrics.csv")):
        write_csv(run / FILE, list(dict.fromkeys(name for line in lines for name in line)), lines)
