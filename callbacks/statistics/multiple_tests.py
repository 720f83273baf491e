"""Correct the p-values of several tests for their number."""

from __future__ import annotations

from collections.abc import Sequence


def correct_by_holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values corrected by Holm's step-down method, in the order given.

    Of m tests, the smallest p is multiplied by m, the next one by m - 1, and so on; none becomes smaller than one before it, nor
    larger than 1. Rejecting those below 5 % then makes one false discovery or more with a probability of at most 5 %, however
    the tests depend on each other.

    Source: S. Holm, Scand. J. Stat. 6 (1979) 65-70.

    Examples:
        >>> [round(p, 3) for p in correct_by_holm([0.01, 0.04, 0.03, 0.005])]
        [0.03, 0.06, 0.06, 0.02]
        >>> correct_by_holm([])
        []
    """
    corrected = [1.0] * len(p_values)
    least = 0.0
    for rank, place in enumerate(sorted(range(len(p_values)), key=lambda place: p_values[place])):
        least = max(least, min(1.0, (len(p_values) - rank) * p_values[place]))
        corrected[place] = least
    return corrected
