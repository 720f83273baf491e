"""How far answers that are numbers are from the right ones."""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from callbacks.metrics.row_metric import Estimate, RowMetric, mean_estimate
from callbacks.rows.evaluated_row import EvaluatedRow
from callbacks.rows.evaluation import Evaluation
from callbacks.statistics.regression import measure_errors
from datamodules.notations.number import is_valid

QUANTILES = (0.05, 0.95)
"""The bounds of a predictive interval of 90 %."""


class NumberErrors(RowMetric):
    """Errors of numbers in the column's unit, with 95 % intervals: of tasks whose output is a `number` only.

    `mae`, `rmse`, `r2` and `spearman` are those of the answers that are numbers; `is_number` is their share. `within_tolerance`
    is the share of all rows whose answer is a number at most `tolerance` from the right one. `mae_all`, the headline, is the
    mean absolute error over all rows. For an answer that is no number, the end of the range of all targets that is farther from
    the right number stands in: to write none is never better than to guess. Targets are those that the task's digits leave, so
    an error may be half a step too large or too small.

    Where `test` draws several answers (`--model.generation.candidates 20`), the mean of the drawn numbers is an estimate of
    the expected value: `mae_expected` and `rmse_expected`. `interval_coverage` is the share of targets within the 5 % and 95 %
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
            "mae_expected": False,
            "rmse_expected": False,
            "interval_width": False,
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
            {"number_target": float(row.target), **_read_answers(row)}
            if row.output_notation == "number" and not row.choices and row.target
            else {}
            for row in evaluation.rows
        ]

    def summarize(self, table: Mapping[str, np.ndarray]) -> dict[str, Estimate]:
        """Return the metrics of one task; none if its answers are no numbers."""
        rows = ~np.isnan(table["number_target"])
        targets = table["number_target"][rows]
        found = summarize_numbers(table["number"][rows], targets, self.tolerance)
        expected, lower, upper = (table[name][rows] for name in ("expected", "lower", "upper"))
        return found | summarize_drawn(expected, lower, upper, targets)


class Drawn(NamedTuple):
    """What several drawn numbers say of a row."""

    mean: float
    lower: float
    upper: float
    """The bounds of the middle 90 % of the drawn numbers."""


def read_drawn(row: EvaluatedRow) -> Drawn | None:
    """Return what a row's drawn answers say, without its own answer; None if fewer than two of them are numbers."""
    numbers = [float(text) for text, *_ in row.candidates[1:] if is_valid(text)]
    if len(numbers) < 2:
        return None
    lower, upper = np.quantile(numbers, QUANTILES)
    return Drawn(float(np.mean(numbers)), float(lower), float(upper))


def _read_answers(row: EvaluatedRow) -> dict[str, float]:
    scores = {"number": float(row.prediction)} if is_valid(row.prediction) else {}
    if (drawn := read_drawn(row)) is not None:
        scores |= {"expected": drawn.mean, "lower": drawn.lower, "upper": drawn.upper}
    return scores


def summarize_drawn(
    expected: np.ndarray, lower: np.ndarray, upper: np.ndarray, targets: np.ndarray
) -> dict[str, Estimate]:
    """Return the metrics of drawn numbers, arrays `(n,)` with nan where there are none.

    Examples:
        >>> found = summarize_drawn(np.array([1.0, 2.0]), np.array([0.0, 2.5]), np.array([2.0, 3.0]), np.array([1.5, 2.0]))
        >>> found["mae_expected"].value, found["interval_coverage"].value, found["interval_width"].value
        (0.25, 0.5, 1.25)
    """
    rows = ~np.isnan(expected)
    if not rows.any():
        return {}
    errors = measure_errors(expected[rows], targets[rows])
    within = (lower[rows] <= targets[rows]) & (targets[rows] <= upper[rows])
    return {
        "mae_expected": Estimate(*errors["mae"]),
        "rmse_expected": Estimate(*errors["rmse"]),
        "interval_coverage": mean_estimate(within.astype(float), "wilson"),
        "interval_width": mean_estimate(upper[rows] - lower[rows], "bootstrap"),
    }


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
    farthest = np.maximum(targets - targets.min(), targets.max() - targets)
    every = np.where(answered, np.abs(answers - targets), farthest)
    found["mae_all"] = mean_estimate(every, "bootstrap")
    if answered.any():
        errors = measure_errors(answers[answered], targets[answered])
        found |= {name: Estimate(*bounds) for name, bounds in errors.items()}
    return found
