"""Statistics of answers that are numbers, with 95 % intervals."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from callbacks.statistics.intervals import Z_95, bootstrap_interval

Bounds = tuple[float, float, float]
"""A value and the bounds of its 95 % interval."""


def measure_errors(predicted: np.ndarray, target: np.ndarray) -> dict[str, Bounds]:
    """Return `mae`, `rmse`, `r2` and `spearman` of n > 0 numbers.

    `r2` is 1 - sum of squared errors / sum of squared deviations of the targets from their mean, so that a constant answer has
    at most 0. `r2` and `spearman` are left out where the targets are all the same, `spearman` also where the answers are.

    Args:
        predicted: `(n,)`.
        target: `(n,)`.

    Examples:
        >>> found = measure_errors(np.array([1.0, 2.0, 4.0]), np.array([1.0, 2.0, 3.0]))
        >>> round(found["mae"][0], 3), round(found["rmse"][0], 3), found["r2"][0], round(found["spearman"][0], 3)
        (0.333, 0.577, 0.5, 1.0)
    """
    error = predicted - target
    centred = target - target.mean()  # small numbers, so that the sums of squares keep their digits
    sums = np.stack([np.abs(error), error**2, centred, centred**2, np.ones_like(error)], axis=1)
    found = {
        name: _estimate(sums, function)
        for name, function in (("mae", _mean_error), ("rmse", _root_mean_square))
    }
    if np.ptp(target) > 0:
        found["r2"] = _estimate(sums, _explained)
        if np.ptp(predicted) > 0:
            found["spearman"] = correlate_ranks(predicted, target)
    return found


def _estimate(sums: np.ndarray, function: Callable[[np.ndarray], np.ndarray]) -> Bounds:
    low, high = bootstrap_interval(sums, statistic=function)
    return float(function(sums.sum(axis=0)[None])[0]), low, high


def _mean_error(sums: np.ndarray) -> np.ndarray:
    return np.asarray(sums[:, 0] / sums[:, 4])


def _root_mean_square(sums: np.ndarray) -> np.ndarray:
    return np.sqrt(sums[:, 1] / sums[:, 4])


def _explained(sums: np.ndarray) -> np.ndarray:
    spread = sums[:, 3] - sums[:, 2] ** 2 / sums[:, 4]
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(spread > 0, 1 - sums[:, 1] / spread, np.nan)


def correlate_ranks(first: np.ndarray, second: np.ndarray) -> Bounds:
    """Return Spearman's rank correlation of `(n,)` numbers, equal ones at their mean rank, with its 95 % interval.

    With fewer than 4 rows nothing is known: the interval is (-1, 1).

    Source of the interval: D. G. Bonett, T. A. Wright, Psychometrika 65 (2000) 23-28, on Fisher's scale.

    Examples:
        >>> value, low, high = correlate_ranks(np.arange(20.0), np.arange(20.0) ** 2)
        >>> round(value, 6), round(high, 6)
        (1.0, 1.0)
    """
    value = float(np.corrcoef(_ranks(first), _ranks(second))[0, 1])
    if len(first) < 4:
        return value, -1.0, 1.0
    centre = math.atanh(max(-1 + 1e-12, min(1 - 1e-12, value)))
    half = Z_95 * math.sqrt((1 + value**2 / 2) / (len(first) - 3))
    return value, math.tanh(centre - half), math.tanh(centre + half)


def _ranks(values: np.ndarray) -> np.ndarray:
    _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return np.asarray((last - (counts - 1) / 2)[places])
