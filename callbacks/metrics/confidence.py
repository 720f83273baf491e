"""Whether the model knows when it is right: calibration, and accuracy when it abstains, to files and a picture."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from lightning.pytorch import LightningModule, Trainer
from numpy.typing import NDArray

from callbacks.metrics.round_trip import reads_names
from callbacks.metrics.row_metric import DetailedMetric, Estimate, mean_estimate
from callbacks.rows.evaluated_row import EvaluatedRow, Stage, gather_by_index
from callbacks.rows.outcomes import RIGHT, outcomes_of
from callbacks.run.run_facts import find_threshold, output_folder
from callbacks.statistics.calibration import (
    abstains,
    area_under_risk,
    calibration_error,
    reliability,
    risk_curve,
    selective_accuracy,
)
from datamodules.notations._unicode import are_equal
from datamodules.storage.safe_csv import write_csv

Lines = Callable[[NDArray[np.float64], NDArray[np.bool_]], list[dict[str, Any]]]
ANSWERED = ("coverage", "exact_match_answered", "right_answered")
FILES: dict[str, Lines] = {"calibration.csv": reliability, "abstaining.csv": selective_accuracy}


class Confidence(DetailedMetric):
    """Compares the probability that the model gives its answer, exp(score), with how often the answer is right.

    Right is an answer that means what was asked for: the target, another spelling, or (with `RoundTrip`) another name of
    the molecule. `ece` is the expected calibration error with its bootstrap interval, `aurc` the area under the
    risk-coverage curve. `calibration.csv` has the reliability by bins of probability, `abstaining.csv` the share right
    when only the most probable answers are given, with the threshold for each coverage; `confidence.png` draws both where
    matplotlib is installed.

    With `--model.generation.abstain_below` also `coverage`, the share of rows that are answered, and of these
    `exact_match_answered` and `right_answered`, with Wilson intervals.

    Args:
        each_epoch: Whether to measure after each epoch of a `fit`, too.
    """

    columns = ("confidence", "right", *ANSWERED)

    def __init__(self, each_epoch: bool = False) -> None:
        super().__init__(each_epoch)
        self._right: dict[int, bool] = {}
        self._threshold: float | None = None

    def read_rows(
        self, trainer: Trainer, pl_module: LightningModule, stage: Stage, rows: list[EvaluatedRow]
    ) -> None:
        """Log, and write the files on rank 0."""
        if not self.is_on(trainer):
            return
        self._threshold = find_threshold(pl_module)
        outcomes = outcomes_of(rows, reads_names(trainer, rows))
        self._right = {row.index: one.name in RIGHT for row, one in zip(rows, outcomes, strict=True)}
        super().read_rows(trainer, pl_module, stage, rows)
        items = gather_by_index(
            {row.index: (row.task, math.exp(row.score), self._right[row.index]) for row in rows}
        )
        if trainer.is_global_zero and items:
            _write(output_folder(trainer), list(items.values()))

    def score(self, rows: list[EvaluatedRow]) -> list[dict[str, float]]:
        """Return the probability of each row's answer, whether it is right, and what abstaining makes of it."""
        return [
            {"confidence": math.exp(row.score), "right": float(self._right[row.index]), **self._answered(row)}
            for row in rows
        ]

    def _answered(self, row: EvaluatedRow) -> dict[str, float]:
        if self._threshold is None:
            return {}
        if abstains(row.score, self._threshold):
            return {"coverage": 0.0}
        shares = 1.0, float(are_equal(row.prediction, row.target or "")), float(self._right[row.index])
        return dict(zip(ANSWERED, shares, strict=True))

    def summarize(self, table: Mapping[str, np.ndarray]) -> dict[str, Estimate]:
        """Return the numbers of a task; the area has no interval."""
        confidence, right = table["confidence"], table["right"] == 1
        area = area_under_risk(confidence, right)
        answered = {name: table[name][~np.isnan(table[name])] for name in ANSWERED}
        return {
            "ece": Estimate(*calibration_error(confidence, right)),
            "aurc": Estimate(area, math.nan, math.nan),
            **{name: mean_estimate(values, "wilson") for name, values in answered.items() if len(values)},
        }

    @staticmethod
    def _log(pl_module: LightningModule, name: str, estimate: Estimate) -> None:
        for suffix, value in (("", estimate.value), ("_low", estimate.low), ("_high", estimate.high)):
            if not math.isnan(value):
                pl_module.log(name + suffix, value, sync_dist=False, rank_zero_only=False)


def _write(folder: Path, items: list[tuple[str, float, bool]]) -> None:
    """Write the files from (task, confidence, right) of each row."""
    tasks = {
        task: (
            np.array([confidence for name, confidence, _ in items if name == task]),
            np.array([right for name, _, right in items if name == task]),
        )
        for task in dict.fromkeys(name for name, _, _ in items)
    }
    for file, describe in FILES.items():
        lines = [{"task": task, **line} for task, columns in tasks.items() for line in describe(*columns)]
        write_csv(folder / file, list(lines[0]), lines)
    if find_spec("matplotlib") is not None:
        draw_confidence(tasks, folder / "confidence.png")


def draw_confidence(tasks: Mapping[str, tuple[NDArray[np.float64], NDArray[np.bool_]]], path: Path) -> None:
    """Draw reliability and accuracy against coverage of each task to a file; needs matplotlib."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 4.6), layout="constrained")
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2)
    left.plot([0, 1], [0, 1], color="#8b949e", linewidth=1, linestyle="--")
    for task, columns in tasks.items():
        lines = reliability(*columns)
        x, y = [line["confidence"] for line in lines], [line["right"] for line in lines]
        below, above = (
            [max(0.0, sign * (line["right"] - line[side])) for line in lines]
            for side, sign in (("low", 1), ("high", -1))
        )
        error = calibration_error(*columns)[0]
        left.errorbar(x, y, yerr=[below, above], marker="o", capsize=2, label=f"{task}, ECE {error:.3f}")
        _, coverage, risk = risk_curve(*columns)
        right.plot(coverage, 1 - risk, label=f"{task}, AURC {area_under_risk(*columns):.3f}")
    left.set(
        xlabel="probability that the model gives its answer",
        ylabel="share right, 95 % interval",
        title="Reliability",
    )
    right.set(
        xlabel="share of rows answered, the most probable first", ylabel="share right", title="Abstaining"
    )
    for panel in (left, right):
        panel.set(xlim=(0, 1), ylim=(0, 1.02))
        panel.legend(frameon=False)
        panel.grid(alpha=0.3)
    figure.savefig(path, dpi=110)
