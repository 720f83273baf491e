"""The table at the end of a run: tasks and baselines."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from typing import Any

from rich import box
from rich.table import Table

from callbacks.loggers.terminal import fits_terminal, wrap_text
from callbacks.rows.headlines import EXACT_MATCH, format_headline, headline_of_metrics
from callbacks.rows.outcomes import estimate_right
from callbacks.statistics.intervals import format_estimate

_LONGEST_NAME = "  base before this run"
"""Shorter names than this are not folded."""


def format_seconds(seconds: float) -> str:
    """Return a duration as `45 s`, `9 min 05 s` or `2 h 03 min`.

    Examples:
        >>> format_seconds(45), format_seconds(545), format_seconds(7_400)
        ('45 s', '9 min 05 s', '2 h 03 min')
    """
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def tabulate(title: str, summary: dict[str, Any], with_speed: bool, narrow: bool = False) -> Table:
    """Return the table of tasks and baselines.

    Args:
        title: Its title.
        summary: The summary of a stage.
        with_speed: Whether it has the columns that are equal for all tasks.
        narrow: Whether it must fit 80 columns with three systems: per cent stand in the header, long names are folded.
    """
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.show_edge = table.pad_edge = not narrow
    tasks = summary["tasks"]
    kinds = not all(is_text(metrics) for metrics in tasks.values())
    has_right = any("outcome_exact" in metrics and is_text(metrics) for metrics in tasks.values())
    names = ["headline (95 %)" if kinds else "exact match (95 %)", *(("right (95 %)",) if has_right else ())]
    if narrow:
        names = ["headline\n(95 %)" if kinds else "exact match\n% (95 %)"]
        names += ["right\n% (95 %)"] if has_right else []
    names = ["task", *names, "well-\nformed" if narrow else "well-formed", "rows"]
    for name in [*names, *(("tokens/s", "time") if with_speed else ())]:
        table.add_column(name, justify="left" if name == "task" else "right", no_wrap=True)
    longest = max(map(len, (*tasks, _LONGEST_NAME)))
    for task, metrics in tasks.items():
        right = estimate_right(metrics) if has_right else {}
        systems = [(task, {**metrics, **right})]
        systems += [
            (f"  {one['system']}", one if has_right else _without_right(one))
            for one in summary.get("anchors", ())
            if one["task"] == task
        ]
        unit = summary.get("units", {}).get(task, "")
        for place, (name, numbers) in enumerate(systems):
            wide = (
                kind_cells(name, numbers, has_right, unit, narrow) if kinds else result_cells(name, numbers)
            )
            cells = _narrow(wide, longest) if narrow else wide
            table.add_row(*cells, *(speed_cells(summary) if with_speed and place == 0 else ()))
    return table


def is_text(metrics: Container[str]) -> bool:
    """Return whether a task with some metrics goes by exact match."""
    return headline_of_metrics(metrics) == EXACT_MATCH


def _narrow(cells: Sequence[str], width: int) -> list[str]:
    r"""Return a line's cells with its name folded to a width, and without the signs of per cent but that of validity.

    Examples:
        >>> _narrow(["  nearest training molecule", "0.0 % (0.0 to 0.6)", "100.0 %", "596"], 20)
        ['  nearest training\n    molecule', '0.0 (0.0 to 0.6)', '100.0 %', '596']
    """
    name, *shares, validity, rows = cells
    return [wrap_text(name, width), *(share.replace(" %", "") for share in shares), validity, rows]


def fit_table(title: str, summary: dict[str, Any]) -> Table:
    """Return the table without the columns of speed: the narrow one if it fits the terminal and the other does not."""
    table = tabulate(title, summary, with_speed=False)
    narrow = tabulate(title, summary, with_speed=False, narrow=True)
    return narrow if fits_terminal(narrow) and not fits_terminal(table) else table


def _without_right(baseline: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in baseline.items() if name != "right"}


def result_cells(name: str, metrics: Mapping[str, Any]) -> list[str]:
    """Return a line's cells: name, exact match, share right (only if it was measured), validity, and rows."""
    return [
        name,
        format_estimate(metrics, "exact_match", percent=True),
        *([format_estimate(metrics, "right", percent=True)] if "right" in metrics else []),
        f"{100 * metrics['validity']:.1f} %" if "validity" in metrics else "-",
        f"{metrics['rows']:,.0f}",
    ]


def kind_cells(
    name: str, metrics: Mapping[str, Any], has_right: bool, unit: str = "", folded: bool = False
) -> list[str]:
    """Return the cells of a line where not all tasks go by exact match: its headline stands in place of exact match.

    Any answer of a task with choices is one of them, so their share of well-formed answers says nothing.

    Args:
        name: The task or the baseline.
        metrics: Its metrics.
        has_right: Whether the table has a column of shares right, which is for tasks that go by exact match.
        unit: The unit of a task of numbers.
        folded: Whether the headline's name stands above its value.
    """
    of_text = {name: value for name, value in metrics.items() if name == "right" and is_text(metrics)}
    return [
        name,
        format_headline(metrics, unit, folded),
        *([format_estimate(of_text, "right", percent=True)] if has_right else []),
        f"{100 * metrics['validity']:.1f} %" if "validity" in metrics and "auroc" not in metrics else "-",
        f"{metrics['rows']:,.0f}",
    ]


def speed_cells(summary: dict[str, Any]) -> tuple[str, str]:
    """Return supervised tokens per second, and the time."""
    speed = summary["supervised_tokens_per_second"]
    return f"{speed:,.0f}" if speed is not None else "-", format_seconds(summary["seconds"])
