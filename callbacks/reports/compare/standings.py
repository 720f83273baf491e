"""Any number of runs on the same rows: the share of each with its interval, the best, and all pairs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from callbacks.reports.compare.answers import Answers, Key
from callbacks.reports.compare.pairs import Comparison, compare_verdicts
from callbacks.statistics.intervals import wilson_interval
from callbacks.statistics.multiple_tests import correct_by_holm


class Score(NamedTuple):
    """A run's share of rows with a verdict, or its AUROC or error, and its 95 % interval (Wilson's, or a bootstrap of rows)."""

    share: float
    low: float
    high: float
    best: bool
    """Whether no other run has a better one, and not all have the same."""


class Standing(NamedTuple):
    """How all runs do by one metric on the rows of one task that all of them have answered."""

    task: str
    metric: str
    rows: int
    scores: Sequence[Score | None]
    """One for each run; None if it has no such verdict."""


class Pair(NamedTuple):
    """Two of the runs, by their places."""

    first: int
    second: int
    comparison: Comparison
    corrected: float
    """The comparison's p, corrected by Holm for the pairs of the same task and metric."""


def find_shared(runs: Sequence[Answers]) -> list[Key]:
    """Return the questions that all runs have answered, in the first one's order."""
    return [key for key in runs[0] if all(key in run for run in runs[1:])]


def rank_runs(runs: Sequence[Answers], shared: Iterable[Key]) -> list[Standing]:
    """Return the standing of each task and metric, on the shared rows for which each run with this metric has a verdict."""
    return [
        Standing(task, metric, len(next(iter(verdicts.values()))), _score(verdicts, len(runs)))
        for task, metric, verdicts in _collect(runs, shared)
    ]


def compare_pairs(runs: Sequence[Answers], shared: Iterable[Key]) -> list[Pair]:
    """Return each pair of runs by each task and metric, with p corrected for the number of pairs of that task and metric."""
    resample = (
        len(runs) == 2
    )  # a thousand resamples of 10,000 rows take half a second, and 20 runs are 190 pairs a metric
    found = []
    for task, metric, verdicts in _collect(runs, shared):
        compared = [
            (first, second, compare_verdicts(task, metric, verdicts[first], verdicts[second], resample))
            for first, second in combinations(verdicts, 2)
        ]
        found += correct_pairs(compared)
    return found


def correct_pairs(compared: Sequence[tuple[int, int, Comparison]]) -> list[Pair]:
    """Return the pairs of runs by one task and metric, with p corrected for their number."""
    corrected = correct_by_holm([comparison.p for _, _, comparison in compared])
    return [Pair(*one, p) for one, p in zip(compared, corrected, strict=True)]


def group_by_task(keys: Iterable[Key]) -> dict[str, list[Key]]:
    """Return questions by their tasks, in their order."""
    by_task: dict[str, list[Key]] = {}
    for key in keys:
        by_task.setdefault(key[0], []).append(key)
    return by_task


def _collect(
    runs: Sequence[Answers], shared: Iterable[Key]
) -> list[tuple[str, str, dict[int, NDArray[np.bool_]]]]:
    """Return (task, metric, the verdicts of each run that has any, `(n,)` on the same rows, by its place)."""
    found = []
    for task, keys in group_by_task(shared).items():
        for metric in dict.fromkeys(name for run in runs for key in keys for name in run[key]):
            having = [place for place, run in enumerate(runs) if any(metric in run[key] for key in keys)]
            common = [key for key in keys if all(metric in runs[place][key] for place in having)]
            if common:
                verdicts = {place: np.array([runs[place][key][metric] for key in common]) for place in having}
                found.append((task, metric, verdicts))
    return found


def _score(verdicts: dict[int, NDArray[np.bool_]], number: int) -> list[Score | None]:
    counts = {place: int(one.sum()) for place, one in verdicts.items()}
    most, least = max(counts.values()), min(counts.values())
    scores: list[Score | None] = [None] * number
    for place, count in counts.items():
        rows = len(verdicts[place])
        scores[place] = Score(count / rows, *wilson_interval(count, rows), best=count == most > least)
    return scores
