"""Compare two runs on the same rows: `python -m callbacks.reports.compare runs/a runs/b`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from callbacks.loggers.terminal_text import printable
from callbacks.reports.compare.answers import answers_of, find_table
from callbacks.reports.compare.pairs import Comparison, compare_answers, format_comparison, percent
from datamodules.storage.safe_csv import write_csv


def _show(comparisons: Sequence[Comparison], names: tuple[str, str]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    columns = (
        "task",
        "metric (%)",
        *names,
        "difference (95 %)",
        "only first",
        "only second",
        "McNemar p",
        "rows",
    )
    for name in columns:
        table.add_column(name, justify="left" if name in columns[:2] else "right", no_wrap=True)
    for one in comparisons:
        shares = percent(one.first), percent(one.second)
        table.add_row(
            escape(printable(one.task)), one.metric, *shares, *format_comparison(one), f"{one.rows:,}"
        )
    return table


def main(args: Sequence[str] | None = None) -> None:
    """Print the comparison, and write it to `--output` if given."""
    parser = argparse.ArgumentParser(description="Compare two runs on the same rows.")
    parser.add_argument("first", type=Path, help="a run's folder (runs/a), or a prediction table")
    parser.add_argument("second", type=Path, help="the other run, on the same rows")
    parser.add_argument("--output", type=Path, help="CSV file to write the comparison to")
    options = parser.parse_args(args)
    try:
        (first, name), (second, other) = find_table(options.first), find_table(options.second)
        answers = answers_of(first, options.first), answers_of(second, options.second)
        comparisons = compare_answers(*answers)
    except ValueError as error:
        parser.exit(1, f"error: {error}\n")
    console = Console()
    table = _show(comparisons, (options.first.name, options.second.name))
    # The table may be wider than the terminal: cut columns would be lost in a log.
    width = table.__rich_measure__(Console(width=1_000), Console(width=1_000).options).maximum
    Console(width=max(console.width, width)).print(table)
    console.print(f"first: {name}, second: {other}", markup=False, highlight=False, soft_wrap=True)
    if len(comparisons) > 1:
        console.print(
            f"p is not corrected for these {len(comparisons)} comparisons.", highlight=False, soft_wrap=True
        )
    left = len(answers[0]) + len(answers[1]) - 2 * len(answers[0].keys() & answers[1].keys())
    if left:
        console.print(
            f"Warning: {left:,} rows are in only one of the tables and are left out.", style="yellow"
        )
    if options.output:
        write_csv(options.output, Comparison._fields, (one._asdict() for one in comparisons))


if __name__ == "__main__":
    main()
