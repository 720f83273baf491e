"""Runs in groups that answered the same rows: only these can be compared row by row."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from callbacks.loggers.terminal_text import printable
from callbacks.reports.compare.answers import Answers, Key, answers_of, find_tables, key_rows
from callbacks.reports.compare.flags import find_differences, find_run, read_settings
from callbacks.reports.compare.kinds import compare_kinds, measure_kinds, rank_kinds
from callbacks.reports.compare.pairs import Comparison, compare_answers
from callbacks.reports.compare.standings import Pair, Standing, compare_pairs, find_shared, rank_runs

_NAMED = 8
"""Most runs that a message names."""


class Compared(NamedTuple):
    """A run of the comparison."""

    name: str
    table: str
    """The name of its table of predictions."""
    folder: Path | None
    """The run's folder; None for a table on its own."""
    rows: Mapping[Key, Mapping[str, str]]
    """Its predictions by question."""


class Group(NamedTuple):
    """Runs with rows in common, and how they do on these."""

    runs: Sequence[Compared]
    flags: Mapping[str, Sequence[Any]]
    """The flags that differ, with a value for each run."""
    shared: Sequence[Key]
    """The questions that all runs have answered."""
    standings: Sequence[Standing]
    pairs: Sequence[Pair]
    two: Sequence[Comparison]
    """Two runs by every metric; empty if there are more."""
    units: Mapping[str, str]
    """The unit of each task of numbers that has one."""

    @property
    def left_out(self) -> int:
        """Number of rows that not all runs have answered."""
        return sum(len(run.rows) for run in self.runs) - len(self.runs) * len(self.shared)

    @property
    def tasks(self) -> list[str]:
        """The tasks of the shared rows."""
        return list(dict.fromkeys(key[0] for key in self.shared))


class Alone(NamedTuple):
    """A run that has no other's rows."""

    name: str
    rows: int
    shared: int
    """How many of its rows some other run has, too."""


class Grouped(NamedTuple):
    """All runs that were given."""

    groups: Sequence[Group]
    alone: Sequence[Alone]


def group_runs(runs: Sequence[Answers], overlap: bool) -> list[list[int]]:
    """Return the places of runs in groups, each of runs that answered the same rows.

    Args:
        runs: The runs' answers.
        overlap: Whether rows that all runs of a group have, among others, are enough.

    Examples:
        >>> one, two = ({("t", text, "x", 0): {} for text in texts} for texts in ("ab", "bc"))
        >>> group_runs([one, two, dict(one)], overlap=False), group_runs([one, two, dict(one)], overlap=True)
        ([[0, 2], [1]], [[0, 1, 2]])
    """
    groups: list[tuple[list[int], set[Key]]] = []
    for place, run in enumerate(runs):
        keys = set(run)
        for number, (members, common) in enumerate(groups):
            if common & keys if overlap else common == keys:
                groups[number] = ([*members, place], common & keys)
                break
        else:
            groups.append(([place], keys))
    return [members for members, _ in groups]


def read_groups(paths: Sequence[Path], overlap: bool) -> Grouped:
    """Return runs in groups of the same rows, and those that stand alone.

    The runs of a group are compared by the same side, whatever sides the others have.

    Args:
        paths: Folders of runs, or tables of predictions.
        overlap: Whether runs are grouped by any rows that all of them have. Two runs always are.
    """
    names = [path.name or path.resolve().name for path in paths]
    if len(set(names)) < len(names):
        names = [str(path) for path in paths]
    return _split(paths, names, overlap or len(paths) == 2)


def _split(paths: Sequence[Path], names: Sequence[str], overlap: bool) -> Grouped:
    tables = find_tables(paths)
    answers = [answers_of(rows, path) for (rows, _), path in zip(tables, paths, strict=True)]
    places = group_runs(answers, overlap)
    if len(places) == 1 and len(paths) > 1:
        runs = [
            Compared(name, table, path if path.is_dir() else None, key_rows(rows))
            for name, path, (rows, table) in zip(names, paths, tables, strict=True)
        ]
        return Grouped([_measure(runs, answers, paths)], [])
    groups: list[Group] = []
    alone: list[Alone] = []
    for members in places:
        if len(members) > 1:  # once more, since they may have a better side in common
            found = _split([paths[one] for one in members], [names[one] for one in members], overlap)
            groups += found.groups
            alone += found.alone
        else:
            own = members[0]
            others = [run for place, run in enumerate(answers) if place != own]
            shared = sum(any(key in run for run in others) for key in answers[own])
            alone.append(Alone(names[own], len(answers[own]), shared))
    return Grouped(groups, alone)


def _measure(runs: Sequence[Compared], answers: Sequence[Answers], paths: Sequence[Path]) -> Group:
    """Return how runs do on the rows that all of them have."""
    shared = find_shared(answers)
    measured = measure_kinds([run.rows for run in runs], shared)
    of_kinds = compare_kinds(measured)
    two = (
        [*(pair.comparison for pair in of_kinds), *compare_answers(answers[0], answers[1])]
        if len(runs) == 2
        else []
    )
    settings = [read_settings(path) for path in paths]
    units: dict[str, str] = {}
    for path in paths:
        units = read_units(path) | units
    return Group(
        runs, find_differences(settings) if all(settings) else {}, shared,
        [*rank_kinds(measured), *rank_runs(answers, shared)], [*of_kinds, *compare_pairs(answers, shared)], two, units,
    )  # fmt: skip


def read_units(path: Path) -> dict[str, str]:
    """Return the unit of each task of numbers of the run that a folder or a table in it belongs to, if it has one."""
    run = find_run(path)
    try:
        stages = json.loads((run / "summary.json").read_text(encoding="utf-8")) if run else {}
        return {task: unit for stage in stages.values() for task, unit in stage.get("units", {}).items()}
    except (OSError, ValueError, AttributeError):
        return {}


def no_groups(alone: Sequence[Alone]) -> ValueError:
    """Return the error for runs no two of which can be compared."""
    counts = ", ".join(f"{one.name} {one.rows:,}" for one in alone[:_NAMED])
    counts += f", and {len(alone) - _NAMED} more" if len(alone) > _NAMED else ""
    advice = "add --shared to compare the rows that they share" if any(one.shared for one in alone) else ""
    return ValueError(
        f"Expected runs on the same rows (same task, input and target), but no two of these {len(alone)} have them "
        f"({counts} rows): test them with the same --data flags{advice and f', or {advice}'}."
    )


def describe_alone(alone: Sequence[Alone]) -> str:
    """Return which runs stand alone, and what their rows have to do with the others.

    Examples:
        >>> describe_alone([Alone("a", 40, 0), Alone("b", 1_200, 30)])
        'Not compared, since no other run has the same rows: a (40 rows), b (1,200 rows, 30 shared: add --shared).'
    """
    each = [
        f"{printable(one.name)} ({one.rows:,} rows{f', {one.shared:,} shared: add --shared' if one.shared else ''})"
        for one in alone
    ]
    return f"Not compared, since no other run has the same rows: {', '.join(each)}."


def describe_group(group: Group) -> str:
    """Return a group's tasks and its number of rows."""
    return (
        f"{', '.join(group.tasks)}, {len(group.shared):,} rows: {', '.join(run.name for run in group.runs)}"
    )
