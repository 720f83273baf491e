"""Runs on the same rows of tasks with choices or numbers: AUROC and mean absolute error, all pairs by a paired bootstrap.

Letters in shapes: n rows, k choices, r resamples of the rows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from callbacks.reports.compare.answers import Key
from callbacks.reports.compare.pairs import Comparison
from callbacks.reports.compare.standings import Pair, Score, Standing, correct_pairs, group_by_task
from callbacks.rows.headlines import HEADLINES, Headline
from callbacks.statistics.classification import area_under_roc
from callbacks.statistics.intervals import bootstrap_p, resample_rows
from datamodules.notations.number import is_valid

Floats = NDArray[np.float64]
Line = Mapping[str, str]


class Measured(NamedTuple):
    """The headline of a task in all runs, and in the same resamples of its rows."""

    task: str
    headline: Headline
    rows: int
    values: Sequence[float]
    """One for each run."""
    drawn: Sequence[Floats]
    """For each run `(r,)` values; nan where a resample has none."""


def measure_kinds(runs: Sequence[Mapping[Key, Line]], shared: Sequence[Key]) -> list[Measured]:
    """Return the headlines of the tasks with choices or numbers on the shared rows.

    Args:
        runs: Each run's table of predictions by question.
        shared: The questions that all runs have answered.
    """
    found = []
    for task, keys in group_by_task(shared).items():
        tables = [[run[key] for key in keys] for run in runs]
        lines = [line for table in tables for line in table]
        functions: list[Callable[[Floats], Floats]]
        if options := _find_options(lines):
            headline = HEADLINES["choices"]
            functions = [_area(table, options) for table in tables]
        elif all(_is_number(line) for line in lines):
            headline = HEADLINES["number"]
            functions = [_error(table) for table in tables]
        else:
            continue
        values = [float(function(np.ones((1, len(keys))))[0]) for function in functions]
        counts = list(resample_rows(len(keys)))
        drawn = [np.concatenate([function(part) for part in counts]) for function in functions]
        found.append(Measured(task, headline, len(keys), values, drawn))
    return found


def _find_options(lines: Sequence[Line]) -> list[str]:
    """Return the columns of the choices' probabilities if all lines have the same ones, and their targets are several of them.

    A single class cannot be ranked against another.
    """
    if len({line["target"] for line in lines}) < 2:
        return []
    names = [name for name in lines[0] if name.startswith("p_") and lines[0][name]]
    same = all(all(line.get(name) for name in names) and f"p_{line['target']}" in names for line in lines)
    return names if same else []


def _is_number(line: Line) -> bool:
    chosen = any(cell for name, cell in line.items() if name.startswith("p_"))
    return line.get("output_notation") == "number" and not chosen and is_valid(line["target"])


def _area(table: Sequence[Line], options: Sequence[str]) -> Callable[[Floats], Floats]:
    """Return a function of the numbers of rows in resamples `(r, n)` to areas under the ROC curve `(r,)`."""
    chances = np.array([[float(line[name]) for name in options] for line in table])
    targets = np.array([options.index(f"p_{line['target']}") for line in table])
    return lambda counts: area_under_roc(chances, targets, counts)


def _error(table: Sequence[Line]) -> Callable[[Floats], Floats]:
    """Return a function of the numbers of rows in resamples `(r, n)` to mean absolute errors `(r,)`.

    As in `mae_all`, the mean of the targets stands in for an answer that is no number.
    """
    targets = np.array([float(line["target"]) for line in table])
    answers = [line.get("prediction", "") for line in table]
    numbers = np.array([float(text) if is_valid(text) else targets.mean() for text in answers])
    errors = np.abs(numbers - targets)
    return lambda counts: np.asarray(counts @ errors / counts.sum(axis=1))


def rank_kinds(measured: Sequence[Measured]) -> list[Standing]:
    """Return the standing of each task."""
    found = []
    for one in measured:
        choose = max if one.headline.mode == "max" else min
        best = choose(one.values)
        alike = min(one.values) == max(one.values)
        scores = [
            Score(value, *_bounds(drawn), best=value == best and not alike)
            for value, drawn in zip(one.values, one.drawn, strict=True)
        ]
        found.append(Standing(one.task, one.headline.metric, one.rows, scores))
    return found


def compare_kinds(measured: Sequence[Measured]) -> list[Pair]:
    """Return each pair of runs by each task, with p corrected for the number of pairs of that task."""
    found = []
    for one in measured:
        compared = [
            (first, second, _compare(one, first, second))
            for first, second in combinations(range(len(one.values)), 2)
        ]
        found += correct_pairs(compared)
    return found


def _compare(one: Measured, first: int, second: int) -> Comparison:
    differences = one.drawn[second] - one.drawn[first]
    before, after = one.values[first], one.values[second]
    return Comparison(
        one.task,
        one.headline.metric,
        one.rows,
        before,
        after,
        after - before,
        *_bounds(differences),
        only_first=None,
        only_second=None,
        p=bootstrap_p(differences),
    )


def _bounds(drawn: Floats) -> tuple[float, float]:
    low, high = np.nanpercentile(drawn, [2.5, 97.5])
    return float(low), float(high)
