"""The metric by which each kind of task goes: best checkpoint, early stopping, tables and comparisons."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from datamodules.tasks import Task


class Headline(NamedTuple):
    """A kind's most important metric."""

    metric: str
    """Its name, as in `val/<metric>` and `val/<task>/<metric>`."""
    label: str
    """Its name for people."""
    mode: str
    """`max` or `min`: which direction is better."""
    percent: bool
    """Whether it is shown in percent."""


EXACT_MATCH = Headline("exact_match", "exact match", "max", True)
HEADLINES = {
    "text": EXACT_MATCH,
    "choices": Headline("auroc", "AUROC", "max", False),
    "number": Headline("mae_all", "MAE", "min", False),
}
"""The headline of each kind."""
MIXED = Headline("loss", "loss", "min", False)
"""The headline of a run whose tasks are of several kinds: their metrics have no common scale."""
MONITOR = "headline"
"""A callback with this value of `monitor` monitors the run's headline."""


def headline_of(task: Task) -> Headline:
    """Return a task's headline; rows with choices of their own have no classes to rank, so they go by exact match.

    Examples:
        >>> from datamodules.tasks import task_from_columns
        >>> headline_of(task_from_columns("smiles", "name")).metric
        'exact_match'
    """
    if task.choices is not None and task.choices.column is not None:
        return EXACT_MATCH
    return HEADLINES[task.kind]


def headline_of_run(tasks: Iterable[Task]) -> Headline:
    """Return the headline of a run's tasks, whose mean over the tasks is `val/<metric>`."""
    found = {headline_of(task) for task in tasks} or {EXACT_MATCH}
    return found.pop() if len(found) == 1 else MIXED
