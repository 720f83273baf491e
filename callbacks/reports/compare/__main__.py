"""Compare runs on the same rows: `python -m callbacks.reports.compare runs/a runs/b runs/c`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from callbacks.loggers.terminal import say
from callbacks.loggers.terminal_text import printable
from callbacks.reports.compare.answers import (
    Answers,
    answers_of,
    find_tables,
    key_rows,
    list_tables,
)
from callbacks.reports.compare.flags import describe_difference, find_differences, read_settings
from callbacks.reports.compare.kinds import compare_kinds, measure_kinds, rank_kinds
from callbacks.reports.compare.page import FILE, Compared, write_page
from callbacks.reports.compare.pairs import Comparison, compare_answers
from callbacks.reports.compare.standings import (
    Pair,
    Standing,
    compare_pairs,
    find_shared,
    rank_runs,
    refuse_other_rows,
)
from callbacks.reports.compare.terminal_tables import (
    tabulate_pairs,
    tabulate_runs,
    tabulate_two,
)
from callbacks.reports.page.predictions import shorten
from callbacks.reports.page.templates import show_value
from callbacks.rows.headlines import EXACT_MATCH, headline_of_metrics
from datamodules.storage.safe_csv import write_csv

MOST_PAIRS = 15
"""Most pairs that the terminal shows of a task."""


class Inputs(NamedTuple):
    """The runs to compare, and their verdicts."""

    runs: list[Compared]
    answers: list[Answers]
    flags: dict[str, list[Any]]
    """The flags that differ."""


def main(args: Sequence[str] | None = None) -> None:
    """Print the comparison, write its page, and write it to `--output` if given."""
    parser = argparse.ArgumentParser(description="Compare runs on the same rows.")
    parser.add_argument("runs", type=Path, nargs="+", help="runs' folders (runs/a), or prediction tables")
    parser.add_argument(
        "--shared", action="store_true", help="compare only the rows that all runs have answered"
    )
    parser.add_argument("--page", type=Path, help=f"HTML page to write; default: {FILE} next to the runs")
    parser.add_argument("--output", type=Path, help="CSV file to write the comparison to")
    options = parser.parse_args(args)
    try:
        inputs = _read(_choose(options.runs))
        shared = find_shared(inputs.answers)
        two = compare_answers(*inputs.answers) if len(inputs.runs) == 2 else []
        if not two and not (options.shared and shared):
            refuse_other_rows(inputs.answers, [run.name for run in inputs.runs])
    except ValueError as error:
        parser.exit(1, f"error: {error}\n")
    measured = measure_kinds([run.rows for run in inputs.runs], shared)
    of_kinds = compare_kinds(measured)
    standings = [*rank_kinds(measured), *rank_runs(inputs.answers, shared)]
    pairs = [*of_kinds, *compare_pairs(inputs.answers, shared)]
    two = two and [*(pair.comparison for pair in of_kinds), *two]
    _show_runs(inputs, standings)
    if two:
        _show_two(inputs, two)
    else:
        _show_pairs(inputs, pairs)
    left = sum(map(len, inputs.answers)) - len(inputs.answers) * len(shared)
    if left:
        say(f"Warning: {left:,} rows are in only {_some(inputs)} and are left out.", style="yellow")
    page = options.page or _place(options.runs) / FILE
    try:
        write_page(page, inputs.runs, standings, pairs, inputs.flags, shared)
        if options.output:
            _write_output(options.output, inputs, two, pairs)
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
            "`python train.py test --ckpt_path runs/a`."
        )
    return found


def _read(paths: Sequence[Path]) -> Inputs:
    """Return the runs, their verdicts and the flags that differ."""
    tables = find_tables(paths)
    answers = [answers_of(rows, path) for (rows, _), path in zip(tables, paths, strict=True)]
    names = [path.name or path.resolve().name for path in paths]
    if len(set(names)) < len(names):
        names = [str(path) for path in paths]
    runs = [
        Compared(name, place, path if path.is_dir() else None, key_rows(rows))
        for name, path, (rows, place) in zip(names, paths, tables, strict=True)
    ]
    settings = [read_settings(path) for path in paths]
    return Inputs(runs, answers, find_differences(settings) if all(settings) else {})


def _show_runs(inputs: Inputs, standings: Sequence[Standing]) -> None:
    """Print the table of each task, and the flags that differ."""
    names = [printable(run.name) for run in inputs.runs]
    for task in dict.fromkeys(one.task for one in standings):
        say(tabulate_runs(standings, task, names))
    say("* the best of its column")
    if inputs.flags:
        say("Flags that differ:")
    for flag, values in inputs.flags.items():
        say(f"  {describe_difference(flag, [shorten(show_value(value), 60) for value in values], names)}")


def _show_two(inputs: Inputs, comparisons: Sequence[Comparison]) -> None:
    """Print the differences of two runs by every metric."""
    first, second = inputs.runs
    say(tabulate_two(comparisons, (first.name, second.name)))
    say(f"first: {first.table}, second: {second.table}", wrap=False)
    if len(comparisons) > 1:
        say(f"p is not corrected for these {len(comparisons)} comparisons.")


def _show_pairs(inputs: Inputs, pairs: Sequence[Pair]) -> None:
    """Print the pairs of three or more runs by each task's headline, those with the smallest p if there are many."""
    metrics: dict[str, set[str]] = {}
    for pair in pairs:
        metrics.setdefault(pair.comparison.task, set()).add(pair.comparison.metric)
    for task, measured in metrics.items():
        headline = headline_of_metrics(measured)
        members = [pair for pair in pairs
                   if (pair.comparison.task, pair.comparison.metric) == (task, headline.metric)]  # fmt: skip
        if not members:
            continue
        shown = members
        if len(members) > MOST_PAIRS:
            shown = sorted(members, key=lambda pair: pair.comparison.p)[:MOST_PAIRS]
        say(tabulate_pairs(shown, [run.name for run in inputs.runs]))
        more = (
            f"; the {len(members) - len(shown)} others are on the page" if len(members) > len(shown) else ""
        )
        of = f", {headline.label}" if headline != EXACT_MATCH else ""
        test = "McNemar's p" if headline == EXACT_MATCH else "p of a paired bootstrap"
        say(f"{printable(task)}{of}: second minus first, {test} by Holm for {len(members)} pairs{more}.")


def _some(inputs: Inputs) -> str:
    return "one of the tables" if len(inputs.runs) == 2 else "some of the tables"


def _place(paths: Sequence[Path]) -> Path:
    """Return the folder next to the runs."""
    return paths[0].resolve().parent if paths[0].name in ("", ".", "..") else paths[0].parent


def _write_output(
    path: Path, inputs: Inputs, comparisons: Sequence[Comparison], pairs: Sequence[Pair]
) -> None:
    """Write the comparison: of two runs a line a metric, else a line a metric and pair with the corrected p."""
    if comparisons:
        write_csv(path, Comparison._fields, (one._asdict() for one in comparisons))
        return
    lines = (
        {
            "first_run": inputs.runs[pair.first].name,
            "second_run": inputs.runs[pair.second].name,
            **pair.comparison._asdict(),
            "p_holm": pair.corrected,
        }
        for pair in pairs
    )
    write_csv(path, ("first_run", "second_run", *Comparison._fields, "p_holm"), lines)


if __name__ == "__main__":
    main()
