"""How an error falls with the number of examples: error = factor x examples^-exponent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

RESAMPLES = 2_000
FEWEST = 4
LEAST_R2 = 0.9
"""Below, the points lie on no straight line of logarithms."""


class Point(NamedTuple):
    """A measured error."""

    size: float
    error: float
    deviation: float
    """Standard deviation of the error by the choice of the test rows."""


class PowerLaw(NamedTuple):
    """A fitted law; bounds are those of the 95 % bootstrap interval."""

    factor: float
    exponent: float
    low: float
    high: float
    r2: float
    """Share of the variance of log(error) that the law explains."""
    doubt: str
    """Why the fit says little; empty if it stands."""


def fit_power_law(points: Sequence[Point], seed: int = 0) -> PowerLaw | None:
    """Fit log(error) = log(factor) - exponent x log(size) by least squares.

    The interval is of a bootstrap that draws the errors anew within the choice of test rows, and adds to the fitted line
    residuals drawn anew, scaled by sqrt(n / (n - 2)) for the two fitted numbers, so that it is wide where the points lie
    beside the line. Several points of one size (seeds) count each.

    Args:
        points: The measured errors, in [0, 1] or above.
        seed: Of the bootstrap.

    Returns:
        The law, or None with fewer than `FEWEST` different sizes or an error of 0, which has no logarithm.

    Source: B. Efron, R. J. Tibshirani, An Introduction to the Bootstrap (1993), chapter 9; for the law J. Hestness et al.,
    Deep Learning Scaling is Predictable, Empirically (2017), arXiv 1712.00409.
    """
    if len({point.size for point in points}) < FEWEST or min(point.error for point in points) <= 0:
        return None
    sizes, errors, deviations = (np.array(column, dtype=float) for column in zip(*points, strict=True))
    x, y = np.log(sizes), np.log(errors)
    slope, intercept = np.polyfit(x, y, 1)
    line = slope * x + intercept
    spread = ((y - y.mean()) ** 2).sum()
    r2 = 1 - ((y - line) ** 2).sum() / spread if spread > 0 else 0.0
    rng = np.random.default_rng(seed)
    count = len(points)
    residuals = rng.choice(y - line, size=(RESAMPLES, count)) * np.sqrt(count / (count - 2))
    noise = rng.normal(0, deviations / errors, size=(RESAMPLES, count))  # of a logarithm: relative
    slopes = np.polyfit(x, (line + residuals + noise).T, 1)[0]
    low, high = np.percentile(-slopes, [2.5, 97.5])
    return PowerLaw(
        float(np.exp(intercept)), float(-slope), float(low), float(high), float(r2), _doubt(low, high, r2)
    )


def _doubt(low: float, high: float, r2: float) -> str:
    if low <= 0 <= high:
        return "the exponent's interval holds 0: no fall can be told from none"
    if high < 0:
        return "the error rises with more examples"
    if r2 < LEAST_R2:
        return (
            f"R2 is below {LEAST_R2}: the points lie on no line of logarithms, so the numbers describe no law"
        )
    return ""
