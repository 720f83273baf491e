"""How many real and how many kept rows a fit sees, as tasks' weights and rows of an epoch."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple


class Mix(NamedTuple):
    """The rows of a fit."""

    weights: dict[str, float]
    """The share of each real task."""
    kept: float
    """The share of the kept rows."""
    epoch_rows: int
    epochs: int
    """More than one only where the rows do not suffice."""


def count_wanted(rows: int, real: float) -> int:
    """Return the most kept rows that a fit of so many rows shows.

    Examples:
        >>> count_wanted(640, 0.75), count_wanted(640, 1.0)
        (160, 0)
    """
    return round((1 - real) * rows)


def mix_rows(
    counts: Mapping[str, int], shares: Mapping[str, float] | None, kept: int, real: float, rows: int
) -> Mix:
    """Return the mix of a fit: each kept row stands in it once, and real rows fill it up.

    Args:
        counts: Real training rows of each task.
        shares: The tasks' weights; None: by their rows.
        kept: Kept rows.
        real: The share of real rows, at least.
        rows: Rows of the fit.

    Examples:
        >>> mix_rows({"a": 900, "b": 300}, None, kept=50, real=0.5, rows=100)
        Mix(weights={'a': 0.375, 'b': 0.125}, kept=0.5, epoch_rows=100, epochs=1)
        >>> mix_rows({"a": 900, "b": 300}, {"a": 1, "b": 1}, kept=20, real=0.5, rows=100)
        Mix(weights={'a': 0.4, 'b': 0.4}, kept=0.2, epoch_rows=100, epochs=1)
        >>> mix_rows({"a": 30}, None, kept=50, real=1.0, rows=100)
        Mix(weights={'a': 1.0}, kept=0.0, epoch_rows=100, epochs=4)
    """
    taken = min(kept, count_wanted(rows, real))
    given = {name: (shares or counts).get(name, 0) if count else 0 for name, count in counts.items()}
    total = sum(given.values())
    part = 1 - taken / rows
    weights = {name: part * weight / total for name, weight in given.items()}
    sizes = [counts[name] / weight for name, weight in weights.items() if weight > 0]
    return Mix(weights, taken / rows, rows, math.ceil(rows / min([rows, *sizes])))
