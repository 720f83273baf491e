"""The table at the end of a run: tasks and baselines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich import box
from rich.table import Table

from callbacks.loggers.terminal import fits_terminal, wrap_text
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
    has_right = any("outcome_exact" in metrics for metrics in tasks.values())
    names = ["task", "exact match (95 %)", *(("right (95 %)",) if has_right else ()), "well-formed", "rows"]
    if narrow:
        names = [
            "task",
            "exact match\n% (95 %)",
            *(("right\n% (95 %)",) if has_right else ()),
            "well-\nformed",
            "rows",
        ]
    for name in [*names, *(("tokens/s", "time") if with_speed else ())]:
        table.add_column(name, justify="left" if name == "task" else "right", no_wrap=True)
    for task, metrics in tasks.items():
        right = estimate_right(metrics) if has_right else {}
        lines = [result_cells(task, {**metrics, **right})]
        for baseline in summary.get("anchors", ()):
            if baseline["task"] == task:
                own = baseline if has_right else _without_right(baseline)
                lines.append(result_cells(f"  {baseline['system']}", own))
        for place, line in enumerate(lines):
            cells = _narrow(line, max(map(len, (*tasks, _LONGEST_NAME)))) if narrow else line
            table.add_row(*cells, *(speed_cells(summary) if with_speed and place == 0 else ()))
    return table


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


def speed_cells(summary: dict[str, Any]) -> tuple[str, str]:
    """Return supervised tokens per second, and the time."""
    speed = summary["supervised_tokens_per_second"]
    return f"{speed:,.0f}" if speed is not None else "-", format_seconds(summary["seconds"])
