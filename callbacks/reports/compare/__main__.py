"""Compare runs on the same rows: `python -m callbacks.reports.compare runs/a runs/b runs/c`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from callbacks.loggers.terminal import say
from callbacks.loggers.terminal_text import printable
from callbacks.reports.compare.answers import list_tables
from callbacks.reports.compare.flags import describe_difference
from callbacks.reports.compare.groups import (
    Group,
    Grouped,
    describe_alone,
    describe_group,
    no_groups,
    read_groups,
)
from callbacks.reports.compare.page import FILE, write_page
from callbacks.reports.compare.pairs import Comparison
from callbacks.reports.compare.terminal_tables import tabulate_pairs, tabulate_runs, tabulate_two
from callbacks.reports.page.predictions import shorten
from callbacks.reports.page.templates import show_value
from callbacks.rows.headlines import EXACT_MATCH, headline_of_metrics
from configs.program import spell
from datamodules.storage.safe_csv import write_csv
from datamodules.storage.writable import check_file

MOST_PAIRS = 15
"""Most pairs that the terminal shows of a task."""


def main(args: Sequence[str] | None = None) -> None:
    """Print the comparison, write its page, and write it to `--output` if given."""
    parser = argparse.ArgumentParser(description="Compare runs on the same rows.")
    parser.add_argument("runs", type=Path, nargs="+", help="runs' folders (runs/a), or prediction tables")
    parser.add_argument(
        "--shared",
        action="store_true",
        help="also compare runs with other rows, on those that all of them have",
    )
    parser.add_argument("--page", type=Path, help=f"HTML page to write; default: {FILE} next to the runs")
    parser.add_argument("--output", type=Path, help="CSV file to write the comparison to")
    options = parser.parse_args(args)
    page = options.page or _place(options.runs) / FILE
    try:
        check_file("--page", page)
        if options.output:
            check_file("--output", options.output)
        found = read_groups(_choose(options.runs), options.shared)
        if not found.groups:
            raise no_groups(found.alone)
    except ValueError as error:
        parser.exit(1, f"error: {error}\n")
    for number, group in enumerate(found.groups, start=1):
        if len(found.groups) > 1:
            say(f"\nGroup {number} of {len(found.groups)}: {printable(describe_group(group))}")
        _show_group(group)
    if found.alone:
        say(describe_alone(found.alone))
    try:
        write_page(page, found)
        if options.output:
            _write_output(options.output, found)
    except OSError as error:
        parser.exit(1, f"error: {error.filename}: expected a file that can be written: {error.strerror}\n")
    say(f"page: {page}", wrap=False)


def _choose(paths: Sequence[Path]) -> list[Path]:
    """Return the paths to compare: of three or more, folders without predictions are left out, and pages of ours.

    A shell's `runs/*` names everything there.

    Raises:
        ValueError: If fewer than two are left.
    """
    found = [path for path in paths if path.suffix != ".html"]
    if len(found) > 2:
        empty = [path for path in found if path.is_dir() and not list_tables(path)]
        if empty:
            names = ", ".join(printable(path.name) for path in empty)
            say(f"Left out, since they hold no predictions: {names}.", error=True)
        found = [path for path in found if path not in empty]
    if len(found) < 2:
        raise ValueError(
            f"Expected at least two runs with predictions to compare, but got {len(found)}: give runs/a runs/b, each after "
            f"`{spell('test', '--ckpt_path', 'runs/a')}`."
        )
    return found


def _show_group(group: Group) -> None:
    """Print how runs do on the same rows, what differs between them, and how they compare."""
    names = [printable(run.name) for run in group.runs]
    for task in group.tasks:
        if any(one.task == task for one in group.standings):
            say(tabulate_runs(group.standings, task, names, group.units.get(task, "")))
    say("* the best of its column")
    if group.flags:
        say("Flags that differ:")
    for flag, values in group.flags.items():
        say(f"  {describe_difference(flag, [shorten(show_value(value), 60) for value in values], names)}")
    if group.two:
        _show_two(group)
    else:
        _show_pairs(group)
    if group.left_out:
        some = "one of the tables" if len(group.runs) == 2 else "some of the tables"
        say(f"Warning: {group.left_out:,} rows are in only {some} and are left out.", style="yellow")


def _show_two(group: Group) -> None:
    """Print the differences of two runs by every metric."""
    for task in group.tasks:
        say(tabulate_two([one for one in group.two if one.task == task], group.units.get(task, "")))
    for place, run in zip(("first", "second"), group.runs, strict=True):
        say(f"{place}: {printable(run.name)}{'' if run.table == run.name else f' ({run.table})'}", wrap=False)
    say("difference: second minus first, with its 95 % interval; of shares in points")
    if len(group.two) > 1:
        say(f"p is not corrected for these {len(group.two)} comparisons.")


def _show_pairs(group: Group) -> None:
    """Print the pairs of three or more runs by each task's headline, those with the smallest p if there are many."""
    metrics: dict[str, set[str]] = {}
    for pair in group.pairs:
        metrics.setdefault(pair.comparison.task, set()).add(pair.comparison.metric)
    for task, measured in metrics.items():
        headline = headline_of_metrics(measured)
        members = [pair for pair in group.pairs
                   if (pair.comparison.task, pair.comparison.metric) == (task, headline.metric)]  # fmt: skip
        if not members:
            continue
        shown = members
        if len(members) > MOST_PAIRS:
            shown = sorted(members, key=lambda pair: pair.comparison.p)[:MOST_PAIRS]
        say(tabulate_pairs(shown, [run.name for run in group.runs]))
        more = (
            f"; the {len(members) - len(shown)} others are on the page" if len(members) > len(shown) else ""
        )
        unit = group.units.get(task, "") if headline.mode == "min" else ""
        of = f", {headline.label}{unit and f' in {unit}'}" if headline != EXACT_MATCH else ""
        test = "McNemar's p" if headline == EXACT_MATCH else "p of a paired bootstrap"
        say(f"{printable(task)}{of}: second minus first, {test} by Holm for {len(members)} pairs{more}.")


def _place(paths: Sequence[Path]) -> Path:
    """Return the folder next to the runs."""
    return paths[0].resolve().parent if paths[0].name in ("", ".", "..") else paths[0].parent


def _write_output(path: Path, found: Grouped) -> None:
    """Write the comparison: of only two runs a line a metric, else a line a metric and pair with the corrected p."""
    if len(found.groups) == 1 and (two := found.groups[0].two):
        write_csv(path, Comparison._fields, (one._asdict() for one in two))
        return
    lines = (
        {
            "first_run": group.runs[pair.first].name,
            "second_run": group.runs[pair.second].name,
            **pair.comparison._asdict(),
            "p_holm": pair.corrected,
        }
        for group in found.groups
        for pair in group.pairs
    )
    write_csv(path, ("first_run", "second_run", *Comparison._fields, "p_holm"), lines)


if __name__ == "__main__":
    main()
