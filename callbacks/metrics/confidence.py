"""Calibration of the model's confidence and accuracy when it abstains: metrics, CSV files and a plot."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from lightning.pytorch import LightningModule, Trainer
from numpy.typing import NDArray

from callbacks.metrics.reading.coded import Coded, CodedRows, unique_in_order
from callbacks.metrics.row_metric import DetailedMetric, Estimate, mean_estimate
from callbacks.rows.evaluated_row import EvaluatedRow, Stage
from callbacks.rows.evaluation import Evaluation
from callbacks.rows.outcomes import RIGHT, kind_of
from callbacks.run.run_facts import output_folder
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
    """Compares the model's probability of its answer, exp(score), with the share of right answers.

    An answer is right if it is the target, another spelling of it, or (with `RoundTrip`) another name of the molecule. Tasks of
    numbers are left out: a measured number is seldom right to the digit.
    `ece` is the expected calibration error with its bootstrap interval; `aurc` is the area under the risk-coverage curve.
    `calibration.csv` holds the reliability by bins of probability. `abstaining.csv` holds the share of right answers when
    only the most probable ones are given, with the threshold for each coverage. `confidence.png` plots both if matplotlib
    is installed.

    With `--model.generation.abstain_below` it also logs `coverage`, the share of answered rows, and for these rows
    `exact_match_answered` and `right_answered`, all with Wilson intervals.

    Args:
        each_epoch: Whether `fit` also measures after each epoch.
    """

    columns = ("confidence", "right", *ANSWERED)
    higher_is_better = MappingProxyType({"ece": False, "aurc": False, **dict.fromkeys(ANSWERED, True)})

    def __init__(self, each_epoch: bool = False) -> None:
        super().__init__(each_epoch)
        self._found = CodedRows()

    def begin(self) -> None:
        """Drop what an evaluation that was stopped has left."""
        super().begin()
        self._found = CodedRows()

    def read_part(
        self, trainer: Trainer, pl_module: LightningModule, stage: Stage, evaluation: Evaluation
    ) -> None:
        """Keep the confidence of the rows and whether they are right, and score them."""
        if not self.is_on(trainer):
            return
        super().read_part(trainer, pl_module, stage, evaluation)
        self._found.add(
            {
                row.index: (row.task, outcome.name in RIGHT)
                for row, outcome in zip(evaluation.rows, evaluation.outcomes, strict=True)
                if kind_of(row) != "number"
            },
            {row.index: math.exp(row.score) for row in evaluation.rows if kind_of(row) != "number"},
        )

    def finish(self, trainer: Trainer, pl_module: LightningModule, stage: Stage) -> None:
        """Log the metrics, and write the files on rank 0."""
        if not self.is_on(trainer):
            return
        super().finish(trainer, pl_module, stage)
        found, self._found = self._found, CodedRows()
        items = found.gather_with_numbers()
        if trainer.is_global_zero and len(items.numbers):
            _write(output_folder(trainer), items)

    def score(self, evaluation: Evaluation) -> list[dict[str, float]]:
        """Return each row's confidence, whether its answer is right, and its columns of abstaining.

        A measured number is seldom right to the digit, so a row of numbers only has whether it is answered.
        """
        scores = []
        for row, outcome in zip(evaluation.rows, evaluation.outcomes, strict=True):
            right = float(outcome.name in RIGHT)
            if kind_of(row) == "number":
                answered = _score_abstaining(row, right, evaluation.abstain_below)
                scores.append({name: answered[name] for name in ANSWERED[:1] if name in answered})
                continue
            answered = _score_abstaining(row, right, evaluation.abstain_below)
            scores.append({"confidence": math.exp(row.score), "right": right, **answered})
        return scores

    def summarize(self, table: Mapping[str, np.ndarray]) -> dict[str, Estimate]:
        """Return the metrics of a task; the area has no interval."""
        rows = ~np.isnan(table["confidence"])
        answered = {name: table[name][~np.isnan(table[name])] for name in ANSWERED}
        found = {name: mean_estimate(values, "wilson") for name, values in answered.items() if len(values)}
        if not rows.any():
            return found
        confidence, right = table["confidence"][rows], table["right"][rows] == 1
        area = area_under_risk(confidence, right)
        return {
            "ece": Estimate(*calibration_error(confidence, right)),
            "aurc": Estimate(area, math.nan, math.nan),
            **found,
        }

    @staticmethod
    def _log(pl_module: LightningModule, name: str, estimate: Estimate) -> None:
        for suffix, value in (("", estimate.value), ("_low", estimate.low), ("_high", estimate.high)):
            if not math.isnan(value):
                pl_module.log(name + suffix, value, sync_dist=False, rank_zero_only=False)


def _score_abstaining(row: EvaluatedRow, right: float, threshold: float | None) -> dict[str, float]:
    """Return whether a row is answered, and whether the answer is exact and right; empty without a threshold."""
    if threshold is None:
        return {}
    if abstains(row.score, threshold):
        return {"coverage": 0.0}
    return dict(zip(ANSWERED, (1.0, float(are_equal(row.prediction, row.target or "")), right), strict=True))


def _write(folder: Path, items: Coded) -> None:
    """Write the files from the confidence and (task, right) of each row."""
    names = [task for task, _ in items.values]
    right = np.array([is_right for _, is_right in items.values])[items.codes]
    tasks = {}
    for task in dict.fromkeys(names[code] for code in unique_in_order(items.codes)):
        of_task = np.array([name == task for name in names])[items.codes]
        tasks[task] = (items.numbers[of_task], right[of_task])
    for file, describe in FILES.items():
        lines = [{"task": task, **line} for task, columns in tasks.items() for line in describe(*columns)]
        write_csv(folder / file, list(lines[0]), lines)
    if find_spec("matplotlib") is not None:
        draw_confidence(tasks, folder / "confidence.png")


def draw_confidence(tasks: Mapping[str, tuple[NDArray[np.float64], NDArray[np.bool_]]], path: Path) -> None:
    """Plot each task's reliability, and its accuracy against coverage, to a file; needs matplotlib."""
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
            [max(0.0, sign * (line["right"] - line[bound])) for line in lines]
            for bound, sign in (("low", 1), ("high", -1))
        )
        error = calibration_error(*columns)[0]
        left.errorbar(x, y, yerr=[below, above], marker="o", capsize=2, label=f"{task}, ECE {error:.3f}")
        _, coverage, risk = risk_curve(*columns)
        right.plot(coverage, 1 - risk, label=f"{task}, AURC {area_under_risk(*columns):.3f}")
    left.set(
        xlabel="the model's probability of its answer",
        ylabel="share of right answers, 95 % interval",
        title="Reliability",
    )
    right.set(
        xlabel="share of rows answered, most probable first",
        ylabel="share of right answers",
        title="Abstaining",
    )
    for panel in (left, right):
        panel.set(xlim=(0, 1), ylim=(0, 1.02))
        panel.legend(frameon=False)
        panel.grid(alpha=0.3)
    figure.savefig(path, dpi=110)
