"""Compare two runs on the same rows by what is right.

Both runs answer the same questions, so the rows are paired. McNemar's exact test asks whether one run is right where
the other is wrong more often than by chance, and a bootstrap over rows gives the interval of the difference.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from callbacks.reports.compare.answers import Answers
from callbacks.rows.headlines import HEADLINES
from callbacks.statistics.intervals import bootstrap_interval, difference_interval, mcnemar_exact

FEW = 10
"""The fewest differing rows for a bootstrap; resampling fewer understates the uncertainty."""


class Comparison(NamedTuple):
    """The results of two runs on the same `rows` rows of a task, by one notion of "right"."""

    task: str
    metric: str
    rows: int
    first: float
    """Share of rows that the first run has right, or its AUROC or error."""
    second: float
    difference: float
    """Second minus first."""
    low: float
    """Bounds of the difference's 95 % interval: a paired bootstrap of rows, or a score interval if few rows differ."""
    high: float
    only_first: int | None
    """Rows that only the first run has right; None where rows are not right or wrong, as with AUROC and errors."""
    only_second: int | None
    p: float
    """Two-sided p-value of McNemar's exact test; of a paired bootstrap where rows are not right or wrong."""


def compare_verdicts(
    task: str, metric: str, first: NDArray[np.bool_], second: NDArray[np.bool_], resample: bool = True
) -> Comparison:
    """Compare the verdicts of two runs on the same rows.

    Args:
        task: The rows' task.
        metric: What the verdicts are about.
        first: `(n,)` the first run's verdicts, n > 0.
        second: `(n,)` the second run's.
        resample: Whether the interval is a bootstrap of rows unless few of them differ; else it is always a score interval.
    """
    only_first, only_second = int((first & ~second).sum()), int((second & ~first).sum())
    if only_first + only_second < FEW or not resample:
        low, high = difference_interval(only_second, only_first, len(first))
    else:
        low, high = bootstrap_interval(second.astype(float) - first.astype(float))
    shares = float(first.mean()), float(second.mean())
    p = mcnemar_exact(only_first, only_second)
    return Comparison(
        task, metric, len(first), *shares, shares[1] - shares[0], low, high, only_first, only_second, p
    )


def compare_answers(first: Answers, second: Answers) -> list[Comparison]:
    """Compare two runs on the rows that both answered, task by task, by each verdict that both have.

    Raises:
        ValueError: If the runs have no row in common.
    """
    common = [key for key in first if key in second]
    if not common:
        raise ValueError(
            "Expected two runs with rows in common (same task, input and target), but found none among "
            f"{len(first):,} and {len(second):,} rows: test both with the same --data flags."
        )
    found = []
    for task in dict.fromkeys(key[0] for key in common):
        keys = [key for key in common if key[0] == task]
        for metric in dict.fromkeys(name for key in keys for name in first[key]):
            paired = [key for key in keys if metric in first[key] and metric in second[key]]
            if paired:
                one, other = (np.array([run[key][metric] for key in paired]) for run in (first, second))
                found.append(compare_verdicts(task, metric, one, other))
    return found


def percent(value: float, sign: str = "") -> str:
    """Return a share in percent, with its sign if `sign` is `+`."""
    return f"{100 * value:{sign}.1f}"


def is_share(metric: str) -> bool:
    """Return whether a metric is a share of rows, shown in percent; AUROC and errors are not."""
    return all(one.percent or one.metric != metric for one in HEADLINES.values())


def write_value(value: float, metric: str, sign: str = "") -> str:
    """Return a metric's value or difference: a share in percent, any other one to three digits.

    Examples:
        >>> write_value(0.6124, "valid"), write_value(0.9124, "auroc")
        ('61.2', '0.912')
        >>> [write_value(value, "mae_all", "+") for value in (-1.2345, 0.7, 0.0, 12345.6)]
        ['-1.23', '+0.700', '+0.00', '+12,346']
    """
    if is_share(metric):
        return percent(value, sign)
    if metric == HEADLINES["choices"].metric:
        return f"{value:{sign}.3f}"
    power = math.floor(math.log10(abs(value))) if value else 0
    return f"{value:{sign},.{max(0, 2 - power)}f}"


def format_comparison(one: Comparison) -> tuple[str, str, str, str]:
    """Return the difference (of shares in points) with its interval, the rows that only one run has right (two cells), and p."""
    difference, low, high = (
        write_value(value, one.metric, "+") for value in (one.difference, one.low, one.high)
    )
    p = "<0.0001" if one.p < 1e-4 else f"{one.p:.4f}"
    first, second = ("-" if count is None else f"{count:,}" for count in (one.only_first, one.only_second))
    return f"{difference} ({low} to {high})", first, second, p
