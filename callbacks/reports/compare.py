"""Compare two runs on the same rows: `python -m callbacks.reports.compare runs/a runs/b`.

Both runs answer the same questions, so the rows are paired. McNemar's exact test asks whether one run is right where
the other is wrong more often than by chance, and a bootstrap over rows gives the interval of the difference.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from callbacks.loggers.terminal_text import printable
from callbacks.statistics.intervals import bootstrap_interval, difference_interval, mcnemar_exact
from datamodules.notations._unicode import compose
from datamodules.storage.safe_csv import read_csv, write_csv

Answers = dict[tuple[str, str, str, int], dict[str, bool]]
"""Verdicts by name for each (task, input, target, number of such rows before it)."""

FEW = 10
"""The fewest differing rows for a bootstrap; resampling fewer understates the uncertainty."""


class Comparison(NamedTuple):
    """The results of two runs on the same `rows` rows of a task, by one notion of "right"."""

    task: str
    metric: str
    rows: int
    first: float
    """Share of rows that the first run has right."""
    second: float
    difference: float
    """Second minus first."""
    low: float
    """Bounds of the difference's 95 % interval: a paired bootstrap of rows, or a score interval if few rows differ."""
    high: float
    only_first: int
    """Rows that only the first run has right."""
    only_second: int
    p: float
    """Two-sided p-value of McNemar's exact test."""


def compare_verdicts(
    task: str, metric: str, first: NDArray[np.bool_], second: NDArray[np.bool_]
) -> Comparison:
    """Compare the verdicts, `(n,)` each, of two runs on the same `n` > 0 rows."""
    only_first, only_second = int((first & ~second).sum()), int((second & ~first).sum())
    if only_first + only_second < FEW:
        low, high = difference_interval(only_second, only_first, len(first))
    else:
        low, high = bootstrap_interval(second.astype(float) - first.astype(float))
    shares = float(first.mean()), float(second.mean())
    p = mcnemar_exact(only_first, only_second)
    return Comparison(
        task, metric, len(first), *shares, shares[1] - shares[0], low, high, only_first, only_second, p
    )


def read_answers(rows: Sequence[Mapping[str, str]]) -> Answers:
    """Return the verdicts of a prediction table: `same_...` as `exact_match...` and `round_trip...`, and the validity.

    The validity is called `readable` for names that OPSIN was to read, and `valid` for all other answers, so that a run whose
    names OPSIN read is not compared with one whose names it did not read.

    Raises:
        ValueError: If a verdict is neither `true` nor `false` (in any case: spreadsheets write TRUE) nor an empty cell.
    """
    answers: Answers = {}
    seen: Counter[tuple[str, str, str]] = Counter()
    for number, row in enumerate(rows, start=2):
        question = (row["task"], compose(row["input"]), compose(row["target"]))
        key = (*question, seen[question])
        seen[question] += 1
        same = {
            _metric(name): _verdict(name, cell, number)
            for name, cell in row.items()
            if name.startswith("same_") and cell
        }
        answers[key] = same | {
            "readable" if row.get("same_round_trip") else "valid": row["verdict"] != "invalid"
        }
    return answers


def _verdict(column: str, cell: str, number: int) -> bool:
    if cell.lower() not in ("true", "false"):
        raise ValueError(
            f"row {number}, {column}: expected true, false or an empty cell, but got {cell[:50]!r}."
        )
    return cell.lower() == "true"


def _metric(column: str) -> str:
    notion = column.removeprefix("same_")
    if notion.startswith("round_trip"):
        return notion
    return "exact_match" if notion == "string" else f"exact_match_{notion}"


def compare_answers(first: Answers, second: Answers) -> list[Comparison]:
    """Compare two runs on the rows that both answered, task by task, by each verdict that both have.

    Raises:
        ValueError: If the runs have no row in common.
    """
    common = [key for key in first if key in second]
    if not common:
        raise ValueError(
            "Expected two runs with rows in common (same task, input and target), but found none among "
            f"{len(first):,} and {len(second):,} rows: test both with the same --data flags."
        )
    found = []
    for task in dict.fromkeys(key[0] for key in common):
        keys = [key for key in common if key[0] == task]
        for metric in dict.fromkeys(name for key in keys for name in first[key]):
            paired = [key for key in keys if metric in first[key] and metric in second[key]]
            if paired:
                verdicts = (np.array([run[key][metric] for key in paired]) for run in (first, second))
                found.append(compare_verdicts(task, metric, *verdicts))
    return found


def find_table(run: Path) -> tuple[list[dict[str, str]], str]:
    """Return the rows and the name of a prediction table: the given file, or the latest one in a run's folder.

    A table of `test` is preferred to one of `validate`, and that to one of `fit`.

    Raises:
        ValueError: If there is no table with rows.
    """
    folders = [run / part / "predictions" for part in ("test", "validate", ".")]
    files = (
        [run]
        if run.is_file()
        else [path for folder in folders for path in sorted(folder.glob("*_epoch_*.csv"), key=_age)]
    )
    rows = read_csv(files[0]) if files else []
    if not rows:
        raise ValueError(
            f"{run}: expected a prediction table, or a run's folder with one, but found none: "
            f"run `python train.py test --ckpt_path {run}/checkpoints/best.ckpt`."
        )
    return rows, "/".join(files[0].parts[-3:]) if files[0] != run else run.name


def _age(path: Path) -> int:
    """Return a sort key that puts later epochs first, and files with other names last."""
    epoch = path.stem.rpartition("_")[2]
    return -int(epoch) if epoch.isdecimal() else 1


def _answers_of(rows: Sequence[Mapping[str, str]], path: Path) -> Answers:
    """Return the verdicts of a table; errors name its path."""
    try:
        return read_answers(rows)
    except KeyError as error:
        raise ValueError(
            f"{path}: expected a prediction table as `test` writes it, but it has no column {error}."
        ) from error
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def _percent(value: float, sign: str = "") -> str:
    return f"{100 * value:{sign}.1f}"


def format_comparison(one: Comparison) -> tuple[str, str, str, str]:
    """Return the difference in points with its interval, the rows that only one run has right (two cells), McNemar's p."""
    interval = f"{_percent(one.difference, '+')} ({_percent(one.low, '+')} to {_percent(one.high, '+')})"
    p = "<0.0001" if one.p < 1e-4 else f"{one.p:.4f}"
    return interval, f"{one.only_first:,}", f"{one.only_second:,}", p


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
        shares = _percent(one.first), _percent(one.second)
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
        answers = _answers_of(first, options.first), _answers_of(second, options.second)
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
