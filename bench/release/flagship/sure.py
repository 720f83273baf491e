"""How right the answers above a probability are, on two test sets side by side: a threshold must hold on both."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

from bench.markdown import as_table
from callbacks.rows.outcomes import RIGHT
from callbacks.statistics.intervals import format_estimate, wilson_interval

THRESHOLDS = (0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999)
GOAL = 0.99
Counts = Sequence[Sequence[float]]
"""For each threshold: itself, all rows, the rows that are answered, and how many of these are right."""


def count_sure(rows: Iterable[Mapping[str, str]]) -> list[list[float]]:
    """Return the counts of a test's predictions.

    Args:
        rows: Its rows, with `score` in nats and `outcome`.

    Examples:
        >>> count_sure([{"score": "-0.004", "outcome": "exact"}, {"score": "-0.2", "outcome": "isomer"}])[1:6:4]
        [[0.8, 2, 2, 1], [0.99, 2, 1, 1]]
    """
    judged = [(math.exp(float(row["score"])), row["outcome"] in RIGHT) for row in rows]
    return [
        [
            least,
            len(judged),
            sum(sure >= least for sure, _ in judged),
            sum(right for sure, right in judged if sure >= least),
        ]
        for least in THRESHOLDS
    ]


def find_threshold(*tests: Counts) -> float | None:
    """Return the lowest threshold from which on `GOAL` of the answers of each test are right; None if none is.

    Examples:
        >>> own, other = [[0.9, 9, 5, 5], [0.99, 9, 3, 3]], [[0.9, 9, 4, 2], [0.99, 9, 1, 1]]
        >>> find_threshold(own, other), find_threshold(own), find_threshold([[0.9, 9, 4, 2]])
        (0.99, 0.9, None)
    """
    fitting = [
        lines[0][0]
        for lines in zip(*tests, strict=True)
        if all(answered and right / answered >= GOAL for _, _, answered, right in lines)
    ]
    return min(fitting, default=None)


def describe_sure(own: Counts, other: Counts) -> str:
    """Return the table of both tests, and what threshold holds on both."""
    cells = [(f"{one[0]:g}", *_cells(one), *_cells(another)) for one, another in zip(own, other, strict=True)]
    table = as_table(
        (
            "probability of at least",
            "own test: answered",
            "right (95 %)",
            "other source: answered",
            "right (95 %)",
        ),
        cells,
    )
    found = find_threshold(own, other)
    if found is None:
        return f"{table}\nAt none of these thresholds {100 * GOAL:.0f} % of the answers are right on both.\n"
    flag = f"`--model.generation.abstain_below {found:g}`"
    return f"{table}\nFrom {found:g} on, at least {100 * GOAL:.0f} % are right on both: {flag} marks the others.\n"


def _cells(line: Sequence[float]) -> tuple[str, str]:
    """Return the share of answers that are given, and the share of right ones among them."""
    _, rows, answered, right = line
    if not answered:
        return "0.0 %", "-"
    low, high = wilson_interval(int(right), int(answered))
    metrics = {"right": right / answered, "right_low": low, "right_high": high}
    return f"{100 * answered / rows:.1f} %", format_estimate(metrics, "right", percent=True)
