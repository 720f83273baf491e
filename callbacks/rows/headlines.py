"""The metric by which each kind of task goes: best checkpoint, early stopping, tables and comparisons."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from typing import NamedTuple

from callbacks.statistics.intervals import format_estimate, format_quantity
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
        >>> from datamodules.flag_tasks import task_from_columns
        >>> headline_of(task_from_columns("smiles", "name")).metric
        'exact_match'
    """
    if task.choices is not None and task.choices.column is not None:
        return EXACT_MATCH
    return HEADLINES[task.kind]


def headline_of_run(tasks: Iterable[Task]) -> Headline:
    """Return the headline of a run's tasks, whose mean over the tasks is `val/<metric>`."""
    return join_headlines(headline_of(task) for task in tasks)


def headline_of_metrics(metrics: Container[str]) -> Headline:
    """Return the headline of one task by the metrics that were measured, for files that do not know its kind.

    Args:
        metrics: Their names without the task's.

    Examples:
        >>> headline_of_metrics({"exact_match": 0.5, "auroc": 0.9}).label, headline_of_metrics({"bleu": 0.5}).label
        ('AUROC', 'exact match')
    """
    return next(
        (one for one in HEADLINES.values() if one != EXACT_MATCH and one.metric in metrics), EXACT_MATCH
    )


def headlines_of_log(names: Iterable[str], side: str = "val") -> dict[str, Headline]:
    """Return the headline of each task that was evaluated, by name in alphabetical order.

    Args:
        names: The names of logged metrics, such as `val/<task>/exact_match`.
        side: Which evaluations count.

    Examples:
        >>> found = headlines_of_log(["val/loss", "val/t/auroc", "val/t/exact_match", "val/s/exact_match"])
        >>> [(task, headline.label) for task, headline in found.items()]
        [('s', 'exact match'), ('t', 'AUROC')]
    """
    measured: dict[str, set[str]] = {}
    for name in names:
        task, _, metric = name.removeprefix(f"{side}/").rpartition("/")
        if name.startswith(f"{side}/") and task:
            measured.setdefault(task, set()).add(metric)
    known = {headline.metric for headline in HEADLINES.values()}
    return {task: headline_of_metrics(found) for task, found in sorted(measured.items()) if found & known}


def join_headlines(headlines: Iterable[Headline]) -> Headline:
    """Return the headline of a run whose tasks have some headlines."""
    found = set(headlines) or {EXACT_MATCH}
    return found.pop() if len(found) == 1 else MIXED


def format_value(headline: Headline, metrics: Mapping[str, float], unit: str = "") -> str:
    """Return the value of a headline with its interval, or `-`."""
    if headline.mode == "min":
        return format_quantity(metrics, headline.metric, unit)
    return format_estimate(metrics, headline.metric, percent=headline.percent)


def format_headline(metrics: Mapping[str, float], unit: str = "", folded: bool = False) -> str:
    r"""Return the headline of one task with its interval, or `-` if it was not measured.

    Args:
        metrics: The task's metrics.
        unit: The unit of a task whose answers are numbers.
        folded: Whether the label and the unit stand on a line above the value.

    Examples:
        >>> measured = {"exact_match": 0.5, "auroc": 0.912, "auroc_low": 0.88, "auroc_high": 0.94}
        >>> format_headline(measured), format_headline({"mae_all": 0.614}, "°C"), format_headline({})
        ('AUROC 0.912 (0.880 to 0.940)', 'MAE 0.61 °C', '-')
        >>> format_headline({"mae_all": 0.614}, "°C", folded=True), format_headline({"exact_match": 0.5}, folded=True)
        ('MAE (°C)\n0.61', 'exact match (%)\n50.0')
    """
    headline = headline_of_metrics(metrics)
    if headline.metric not in metrics:
        return "-"
    if not folded:
        return f"{headline.label} {format_value(headline, metrics, unit)}"
    unit = "%" if headline.percent else unit if headline.mode == "min" else ""
    value = format_value(headline, metrics).replace(" %", "")
    return f"{headline.label}{unit and f' ({unit})'}\n{value}"
