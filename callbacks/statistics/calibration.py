"""How far a model's own probability can be trusted: calibration, and accuracy when it abstains. Pure functions.

Legend: `confidence` `(n,)` in [0, 1] and `right` `(n,)` bool, one value per row.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from callbacks.statistics.intervals import bootstrap_interval, wilson_interval

BINS = 15
COVERAGES = (0.05, *(round(0.1 * tenth, 1) for tenth in range(1, 11)))


def abstains(score: float, threshold: float | None) -> bool:
    """Return whether an answer of this score (nats) has a probability below the threshold; False without a threshold.

    Examples:
        >>> import math
        >>> abstains(math.log(0.4), threshold=0.5), abstains(math.log(0.6), threshold=0.5), abstains(-100.0, threshold=None)
        (True, False, False)
    """
    return threshold is not None and math.exp(score) < threshold


def bin_of(confidence: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the bin of each confidence, `(n,)` in 0..BINS - 1; bins are equally wide, and 1 belongs to the last one.

    Examples:
        >>> bin_of(np.array([0.0, 0.5, 0.99, 1.0])).tolist()
        [0, 7, 14, 14]
    """
    return np.minimum((confidence * BINS).astype(np.int64), BINS - 1)


def calibration_error(
    confidence: NDArray[np.float64], right: NDArray[np.bool_]
) -> tuple[float, float, float]:
    """Return the expected calibration error of `n` > 0 rows and its 95 % bootstrap interval.

    It is the mean over rows of |share right - mean confidence| in the row's bin. It is never negative, so few rows
    overstate it, and the interval may lie above the value.

    Source: C. Guo et al., On Calibration of Modern Neural Networks, ICML 2017, with 15 bins.

    Examples:
        >>> confidence = np.full(10, 0.8)  # 80 % confident ten times, right five times
        >>> error, low, high = calibration_error(confidence, np.arange(10) < 5)
        >>> round(error, 2), low <= error <= high
        (0.3, True)
    """
    gaps = np.zeros((len(confidence), BINS))
    gaps[np.arange(len(confidence)), bin_of(confidence)] = right - confidence

    def error(sums: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.abs(sums).sum(axis=1) / len(confidence)

    low, high = bootstrap_interval(gaps, statistic=error)
    return float(error(gaps.sum(axis=0, keepdims=True))[0]), low, high


def reliability(confidence: NDArray[np.float64], right: NDArray[np.bool_]) -> list[dict[str, Any]]:
    """Return a line for each non-empty bin: bounds, rows, mean confidence, share right with its Wilson interval."""
    places = bin_of(confidence)
    lines = []
    for place in np.unique(places).tolist():
        inside = places == place
        rows, good = int(inside.sum()), int(right[inside].sum())
        low, high = wilson_interval(good, rows)
        bounds = {"from": place / BINS, "to": (place + 1) / BINS}
        mean = float(confidence[inside].mean())
        lines.append(
            bounds | {"rows": rows, "confidence": mean, "right": good / rows, "low": low, "high": high}
        )
    return lines


def risk_curve(
    confidence: NDArray[np.float64], right: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return the thresholds, the highest first, and for each the coverage and the risk of answering at or above it.

    Coverage is the share of rows that are answered; risk is the share of wrong answers among them. Rows of equal confidence
    are answered together, because no threshold can separate them.
    """
    order = np.argsort(-confidence, kind="stable")
    ranked, wrong = confidence[order], np.cumsum(~right[order])
    last = (
        np.flatnonzero(np.append(ranked[1:] != ranked[:-1], True)) if len(ranked) else np.zeros(0, dtype=int)
    )
    return ranked[last], (last + 1) / len(ranked), wrong[last] / (last + 1)


def area_under_risk(confidence: NDArray[np.float64], right: NDArray[np.bool_]) -> float:
    """Return the area under the risk-coverage curve, the mean risk over all coverages; lower is better.

    Source: Y. Geifman, R. El-Yaniv, Selective Classification for Deep Neural Networks, NeurIPS 2017.

    Examples:
        >>> sure, unsure = np.array([0.9, 0.8, 0.2]), np.array([0.2, 0.8, 0.9])
        >>> right = np.array([True, True, False])
        >>> round(area_under_risk(sure, right), 3), round(area_under_risk(unsure, right), 3)
        (0.111, 0.611)
    """
    _, coverage, risk = risk_curve(confidence, right)
    return float((risk * np.diff(coverage, prepend=0.0)).sum())


def selective_accuracy(confidence: NDArray[np.float64], right: NDArray[np.bool_]) -> list[dict[str, Any]]:
    """Return the accuracy at each of `COVERAGES`, with the highest threshold that answers at least this share of rows.

    Each line holds the required coverage, the rows answered, the threshold, and the share right with its Wilson interval.

    Examples:
        >>> lines = selective_accuracy(np.array([0.9, 0.8, 0.2, 0.1]), np.array([True, True, False, False]))
        >>> [(line["threshold"], line["right"]) for line in lines if line["coverage"] in (0.5, 1.0)]
        [(0.8, 1.0), (0.1, 0.5)]
    """
    thresholds, coverage, risk = risk_curve(confidence, right)
    lines = []
    for required in COVERAGES:
        place = min(int(np.searchsorted(coverage, required - 1e-12)), len(coverage) - 1)
        rows = round(coverage[place] * len(confidence))
        good = round((1 - risk[place]) * rows)
        low, high = wilson_interval(good, rows)
        shares = {"right": good / rows, "low": low, "high": high}
        lines.append({"coverage": required, "rows": rows, "threshold": float(thresholds[place]), **shares})
    return lines
