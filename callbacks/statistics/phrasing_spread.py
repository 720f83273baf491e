"""A task's metrics over several phrasings of its instruction: mean, worst and spread. Pure functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple


class Estimate(NamedTuple):
    """A measured value and the bounds of its 95 % interval."""

    value: float
    low: float
    high: float


def average_phrasings(summaries: Sequence[Mapping[str, Estimate]]) -> dict[str, Estimate]:
    """Return the means of the phrasings' values, and of the bounds of their intervals.

    All phrasings ask the same rows, so more phrasings do not make the interval narrower.

    Examples:
        >>> average_phrasings([{"validity": Estimate(0.5, 0.25, 0.75)}, {"validity": Estimate(1.0, 0.75, 1.0)}])
        {'validity': Estimate(value=0.75, low=0.5, high=0.875)}
    """
    names = dict.fromkeys(name for summary in summaries for name in summary)
    averaged = {}
    for name in names:
        found = [summary[name] for summary in summaries if name in summary]
        averaged[name] = Estimate(*(sum(column) / len(found) for column in zip(*found, strict=True)))
    return averaged


def spread_phrasings(
    summaries: Sequence[Mapping[str, Estimate]], higher_is_better: Mapping[str, bool | None]
) -> dict[str, float]:
    """Return `<metric>_worst` and `<metric>_spread` (largest minus smallest) of the metrics that have a better direction.

    Examples:
        >>> spread_phrasings([{"cer": Estimate(0.5, 0, 1)}, {"cer": Estimate(0.75, 0, 1)}], {"cer": False})
        {'cer_worst': 0.75, 'cer_spread': 0.25}
    """
    found = {}
    for name in dict.fromkeys(name for summary in summaries for name in summary):
        higher = higher_is_better.get(name)
        if higher is not None:
            values = [summary[name].value for summary in summaries if name in summary]
            found[f"{name}_worst"] = min(values) if higher else max(values)
            found[f"{name}_spread"] = max(values) - min(values)
    return found
