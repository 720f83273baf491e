"""Confidence intervals of an evaluation, and a test for paired rows: how far a number may vary with the choice of rows alone.

All functions are pure, so all ranks that hold the same values compute the same interval.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping

import numpy as np

Z_95 = 1.959963984540054
"""The 97.5 % point of the standard normal distribution: two-sided 95 %."""

RESAMPLES = 1_000
_CELLS_AT_A_TIME = 2_000_000  # 16 MB of indices: a test split of 100,000 rows must not need 1 GB


def wilson_interval(successes: float, n: int) -> tuple[float, float]:
    """Return the 95 % Wilson score interval of a proportion.

    Args:
        successes: How many of the `n` rows succeeded, 0 to `n`.
        n: The number of rows. With 0 rows nothing is known: the interval is (0, 1).

    Returns:
        Lower and upper bound, both in [0, 1]. Unlike the normal approximation it stays in this range and does
        not collapse to a point at 0 or `n` successes.

    Source: E. B. Wilson, J. Am. Stat. Assoc. 22 (1927) 209-212, without continuity correction.

    Examples:
        >>> [round(bound, 3) for bound in wilson_interval(8, 10)]
        [0.49, 0.943]
        >>> wilson_interval(0, 0)
        (0.0, 1.0)
    """
    assert 0 <= successes <= max(n, 0), f"{successes} successes of {n} rows"
    if n == 0:
        return 0.0, 1.0
    share = successes / n
    scale = 1 + Z_95**2 / n
    centre = (share + Z_95**2 / (2 * n)) / scale
    half_width = Z_95 / scale * math.sqrt(share * (1 - share) / n + Z_95**2 / (4 * n**2))
    # The bounds at 0 and n successes are exactly 0 and 1; rounding would leave 1e-17 or 1 - 1e-16.
    low = 0.0 if successes == 0 else max(0.0, centre - half_width)
    high = 1.0 if successes == n else min(1.0, centre + half_width)
    return low, high


def difference_interval(gained: int, lost: int, n: int) -> tuple[float, float]:
    """Return the 95 % interval of (gained - lost) / n, for few differing rows.

    Each of the two counts gets its Wilson interval, and the distances to its bounds are added in quadrature. The interval has
    a width even if no row differs, where resampling equal rows would give none.

    Args:
        gained: Number of rows that only the second of two runs has right.
        lost: Number of rows that only the first run has right.
        n: Number of all rows, more than 0.

    Source: the method of variance estimates recovery, G. Y. Zou, A. Donner, Stat. Med. 27 (2008) 1693-1702.

    Examples:
        >>> [round(bound, 3) for bound in difference_interval(gained=12, lost=4, n=100)]
        [0.003, 0.162]
        >>> low, high = difference_interval(gained=0, lost=0, n=20)  # no row differs, but 20 rows prove little
        >>> round(low, 2), round(high, 2)
        (-0.16, 0.16)
    """
    difference = (gained - lost) / n
    (more_low, more_high), (less_low, less_high) = wilson_interval(gained, n), wilson_interval(lost, n)
    low = difference - math.hypot(gained / n - more_low, less_high - lost / n)
    high = difference + math.hypot(more_high - gained / n, lost / n - less_low)
    return low, high


def mcnemar_exact(only_first: int, only_second: int) -> float:
    """Return the two-sided p-value of McNemar's exact test.

    Under the null hypothesis a row on which the runs differ is equally likely to be right in either run, so the
    smaller count is binomial with probability one half. Rows that both runs have right or wrong carry no information.

    Source: Q. McNemar, Psychometrika 12 (1947) 153-157; the exact form doubles the smaller tail.

    Examples:
        >>> mcnemar_exact(only_first=5, only_second=5)
        1.0
        >>> mcnemar_exact(only_first=0, only_second=10)
        0.001953125
    """
    n, least = only_first + only_second, min(only_first, only_second)
    term, tail = 1, 1  # binomial coefficients and their sum, as whole numbers: exact for any n
    for k in range(least):
        term = term * (n - k) // (k + 1)
        tail += term
    return min(1.0, 2 * tail / 2**n)


def bootstrap_interval(
    values: np.ndarray,
    seed: int = 0,
    statistic: Callable[[np.ndarray], np.ndarray] | None = None,
) -> tuple[float, float]:
    """Return the 95 % percentile bootstrap interval of a mean, or of a function of sums over rows.

    Args:
        values: `(n,)` one value per row, or `(n, k)` counts per row if `statistic` is given.
        seed: Seed of the resampling; equal seeds give equal intervals, on every rank and machine.
        statistic: Maps resampled sums `(r, k)` to `(r,)` numbers, such as BLEU from n-gram counts. Without
            it the statistic is the mean.

    Returns:
        The 2.5 % and 97.5 % percentiles over 1,000 resamples of the rows; (nan, nan) without rows.

    Source: B. Efron, R. J. Tibshirani, An Introduction to the Bootstrap (1993), chapter 13.

    Examples:
        >>> low, high = bootstrap_interval(np.array([0.2, 0.4, 0.6, 0.8] * 25))
        >>> low < 0.5 < high, bootstrap_interval(np.array([]))
        (True, (nan, nan))
    """
    values = np.asarray(values, dtype=np.float64)
    n = len(values)
    if n == 0:
        return math.nan, math.nan
    table = values.reshape(n, -1)
    sums = np.concatenate([counts @ table for counts in resample_rows(n, seed)])
    results = sums[:, 0] / n if statistic is None else statistic(sums)
    results = results[~np.isnan(results)]  # a statistic may not exist for a resample
    if not len(results):
        return math.nan, math.nan
    low, high = np.percentile(results, [2.5, 97.5])
    return float(low), float(high)


def resample_rows(n: int, seed: int = 0) -> Iterator[np.ndarray]:
    """Yield how often each of 1,000 resamples holds each of n rows, `(r, n)`, some at a time; equal seeds give equal ones."""
    rng = np.random.default_rng(seed)
    step = max(1, _CELLS_AT_A_TIME // n)
    for start in range(0, RESAMPLES, step):
        yield draw_counts(rng.integers(0, n, size=(min(step, RESAMPLES - start), n)))


def bootstrap_p(differences: np.ndarray) -> float:
    """Return the two-sided p-value of a difference from its resamples `(r,)`: twice the share on the other side of 0.

    With r resamples it is at least 2 / (r + 1); 1 where nothing is known.

    Source: A. C. Davison, D. V. Hinkley, Bootstrap Methods and their Application (1997), section 4.4.

    Examples:
        >>> round(bootstrap_p(np.ones(999)), 3), bootstrap_p(np.zeros(999)), bootstrap_p(np.array([]))
        (0.002, 1.0, 1.0)
    """
    known = differences[~np.isnan(differences)]
    least = min(int((known <= 0).sum()), int((known >= 0).sum()))
    return min(1.0, 2 * (least + 1) / (len(known) + 1))


def draw_counts(draws: np.ndarray) -> np.ndarray:
    """Return how often each resample holds each row, `(r, n)` for draws `(r, n)` of row numbers.

    Counting first makes the sums of all resamples one matrix product, for any number of columns.
    """
    samples, n = draws.shape
    places = draws + np.arange(samples)[:, None] * n
    return np.bincount(places.ravel(), minlength=samples * n).reshape(samples, n).astype(np.float64)


def format_estimate(metrics: Mapping[str, float], name: str, percent: bool = False) -> str:
    """Return `0.612 (0.580 to 0.643)`, or `61.2 % (58.0 to 64.3)` in percent.

    Args:
        metrics: Logged metrics; the bounds are `<name>_low` and `<name>_high`, and are left out if missing.
        name: The metric; `-` is returned if it was not measured.
        percent: Whether to write shares as percentages.

    Examples:
        >>> metrics = {"exact_match": 0.612, "exact_match_low": 0.58, "exact_match_high": 0.643, "loss": 0.4}
        >>> format_estimate(metrics, "exact_match", percent=True)
        '61.2 % (58.0 to 64.3)'
        >>> format_estimate(metrics, "loss"), format_estimate(metrics, "char_bleu")
        ('0.400', '-')
    """
    if name not in metrics:
        return "-"
    scale, digits, unit = (100, 1, " %") if percent else (1, 3, "")
    value, low, high = (
        f"{scale * metrics[key]:.{digits}f}" if key in metrics else None
        for key in (name, f"{name}_low", f"{name}_high")
    )
    return f"{value}{unit}" + (f" ({low} to {high})" if low and high else "")


def format_quantity(metrics: Mapping[str, float], name: str, unit: str = "") -> str:
    """Return `0.61 °C (0.55 to 0.67)`: a value in its unit, of any size, to two or three digits.

    Args:
        metrics: Logged metrics; the bounds are `<name>_low` and `<name>_high`, and are left out if missing.
        name: The metric; `-` is returned if it was not measured.
        unit: Its unit; empty for none.

    Examples:
        >>> format_quantity({"mae": 0.6123, "mae_low": 0.55, "mae_high": 0.67}, "mae", "°C")
        '0.61 °C (0.55 to 0.67)'
        >>> [format_quantity({"mae": value}, "mae") for value in (1234.5, 12.34, 1.234, 0.01234, 0.0)]
        ['1,234', '12.3', '1.23', '0.012', '0.00']
    """
    if name not in metrics:
        return "-"
    size = abs(metrics[name])
    power = math.floor(math.log10(size)) if 0 < size < math.inf else 0
    digits = max(0, 2 - power) if power >= 0 else 1 - power
    value, low, high = (
        f"{metrics[key]:,.{digits}f}" if key in metrics else None
        for key in (name, f"{name}_low", f"{name}_high")
    )
    return f"{value}{unit and ' '}{unit}" + (f" ({low} to {high})" if low and high else "")
