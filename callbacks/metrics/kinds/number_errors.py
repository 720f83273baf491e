"""How far answers that are numbers are from the right ones."""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

from callbacks.metrics.row_metric import Estimate, RowMetric, mean_estimate
from callbacks.rows.evaluation import Evaluation
from callbacks.statistics.regression import measure_errors
from datamodules.notations.number import is_valid


class NumberErrors(RowMetric):
    """Errors of numbers in the column's unit, with 95 % intervals: of tasks whose output is a `number` only.

    `mae`, `rmse`, `r2` and `spearman` are those of the answers that are numbers; `is_number` is their share. `within_tolerance`
    is the share of all rows whose answer is a number at most `tolerance` from the right one. `mae_all`, the headline, is the
    mean absolute error over all rows, where the mean of the targets stands in for an answer that is no number. Targets are
    those that the task's digits leave, so an error may be half a step too large or too small.

    Where `test` draws several answers (`--model.generation.candidates 20`), the mean of the drawn numbers is an estimate of
    the expected value: `mae_expected` and `rmse_expected`. `coverage` is the share of targets within the 5 % and 95 %
    quantiles of the drawn numbers, which should be 0.9, and `interval_width` the mean distance of the two.

    Args:
        tolerance: In the column's unit; default: a fifth of the standard deviation of the evaluated targets.
    """

    columns = ("number", "number_target", "expected", "lower", "upper")
    higher_is_better = MappingProxyType(
        {
            "mae_all": False,
            "mae": False,
            "rmse": False,
            "r2": True,
            "spearman": True,
            "within_tolerance": True,
            "is_number": True,
        }
    )
    headline = "mae_all"

    def __init__(self, tolerance: float | None = None) -> None:
        super().__init__()
        if tolerance is not None and not tolerance > 0:
            raise ValueError(f"Expected tolerance to be above 0, but got {tolerance}.")
        self.tolerance = tolerance

    def score(self, evaluation: Evaluation) -> list[dict[str, float]]:
        """Return the right number and the answered one of each row; the answer is left out if it is none."""
        return [
            {
                "number_target": float(row.target),
                **({"number": float(row.prediction)} if is_valid(row.prediction) else {}),
            }
            if row.output_notation == "number" and not row.choices and row.target
            else {}
            for row in evaluation.rows
        ]

    def summarize(self, table: Mapping[str, np.ndarray]) -> dict[str, Estimate]:
        """Return the metrics of one task; none if its answers are no numbers."""
        rows = ~np.isnan(table["number_target"])
        return summarize_numbers(table["number"][rows], table["number_target"][rows], self.tolerance)


def summarize_numbers(
    answers: np.ndarray, targets: np.ndarray, tolerance: float | None = None
) -> dict[str, Estimate]:
    """Return the metrics of rows with numbers.

    Args:
        answers: `(n,)`, nan where the answer is no number.
        targets: `(n,)`.
        tolerance: As in `NumberErrors`.

    Examples:
        >>> found = summarize_numbers(np.array([1.0, np.nan, 3.5]), np.array([1.0, 2.0, 3.0]), tolerance=0.1)
        >>> found["mae"].value, round(found["is_number"].value, 2), round(found["within_tolerance"].value, 2)
        (0.25, 0.67, 0.33)
    """
    if not len(targets):
        return {}
    answered = ~np.isnan(answers)
    within = tolerance or 0.2 * float(targets.std()) or math.ulp(1.0)
    with np.errstate(invalid="ignore"):
        close = np.abs(answers - targets) <= within
    found = {
        "is_number": mean_estimate(answered.astype(float), "wilson"),
        "within_tolerance": mean_estimate(close.astype(float), "wilson"),
    }
    every = np.abs(np.where(answered, answers, targets.mean()) - targets)
    found["mae_all"] = mean_estimate(every, "bootstrap")
    if answered.any():
        errors = measure_errors(answers[answered], targets[answered])
        found |= {name: Estimate(*bounds) for name, bounds in errors.items()}
    return found
