"""How often each class of a task with choices was taken for which."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from callbacks.reports.page.run_files import Side
from callbacks.reports.page.tally import CHANCE
from callbacks.rows.headlines import HEADLINES, headline_of_metrics
from callbacks.statistics.intervals import format_estimate, wilson_interval


class ClassLine(NamedTuple):
    """The rows of one class."""

    name: str
    counts: Sequence[int]
    """How many were taken for each class, in the order of the classes."""
    right: int
    """The place of the class itself."""
    recall: str


class Confusion(NamedTuple):
    """The table of a task."""

    task: str
    classes: Sequence[str]
    lines: Sequence[ClassLine]


def list_confusions(side: Side) -> list[Confusion]:
    """Return the table of each task of a side that has the same choices for all rows."""
    found = []
    for task, metrics in side.summary.get("tasks", {}).items():
        if headline_of_metrics(metrics) != HEADLINES["choices"]:
            continue
        counts, first = side.predictions.taken, side.predictions.first.get(task, {})
        classes = [name[len(CHANCE) :] for name, cell in first.items() if name.startswith(CHANCE) and cell]
        if classes:
            lines = [
                _count([counts[task, name, other] for other in classes], place, name)
                for place, name in enumerate(classes)
            ]
            found.append(Confusion(task, classes, lines))
    return found


def _count(counts: Sequence[int], place: int, name: str) -> ClassLine:
    total = sum(counts)
    if not total:
        return ClassLine(name, counts, place, "-")
    low, high = wilson_interval(counts[place], total)
    recall = {"recall": counts[place] / total, "recall_low": low, "recall_high": high}
    return ClassLine(name, counts, place, format_estimate(recall, "recall", percent=True))
