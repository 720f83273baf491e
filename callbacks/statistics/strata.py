"""Kinds of rows (strata) for which results are reported separately: by length, size, charge and novelty."""

from __future__ import annotations

import bisect
import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from callbacks.statistics.intervals import bootstrap_interval, wilson_interval

CUTS: dict[str, tuple[float, ...]] = {
    "input_length": (11, 21, 41, 61, 101),
    "target_length": (11, 21, 41, 61, 101),
    "heavy_atoms": (6, 11, 16, 21, 31, 51),
    "rings": (1, 2, 3, 4, 6),
    "stereo": (1, 2, 3, 5),
    "components": (1, 2),
    "nearest_training": (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0),
}
"""The lower bounds of each number's bins except the first: characters, atoms, smallest rings, specified stereocentres
and double bonds, components, Tanimoto similarity to the nearest training molecule."""

COLUMNS = ("task", "stratum", "bin", "rows", "exact", "exact_match", "low", "high", "right", "share_right", "right_low",
           "right_high", "mae_all", "mae_all_low", "mae_all_high")  # fmt: skip
"""Exact match and right answers are those of texts and choices; the mean absolute error is that of numbers."""


class Stratified(NamedTuple):
    """A row's result, and the numbers that assign it to strata."""

    task: str
    exact: bool
    """Whether the answer is the target as a string."""
    right: bool
    """Whether the answer denotes the same molecule or value."""
    numbers: Mapping[str, float]
    """The row's properties, named as in `CUTS` and `smiles.describe`, and `parent_in_training` (1 or 0); unknown ones are
    left out."""
    target: float | None = None
    """The right number, of a task of numbers."""
    answer: float | None = None
    """The answered number; None if it is none."""


def name_bin(cuts: Sequence[float], value: float) -> tuple[int, str]:
    """Return the number and the name of a value's bin: `0 to 10`, `11 to 20`, `21 and more`.

    Whole cuts make bins of whole numbers; other cuts make bins from one cut to below the next, such as `0.3 to <0.4`.

    Examples:
        >>> [name_bin(CUTS["rings"], rings)[1] for rings in (0, 1, 5, 9)]
        ['0', '1', '4 to 5', '6 and more']
        >>> name_bin(CUTS["nearest_training"], 0.35)
        (1, '0.3 to <0.4')
    """
    place = bisect.bisect_right(cuts, value)
    whole = all(float(cut).is_integer() for cut in cuts)
    first = 0 if place == 0 else cuts[place - 1]
    if place == len(cuts):
        return place, f"{first:g}" if not whole and first == 1 else f"{first:g} and more"
    last = cuts[place] - 1 if whole else cuts[place]
    if whole:
        return place, f"{first:g}" if first == last else f"{first:g} to {last:g}"
    return place, f"{first:g} to <{last:g}"


def bins_of(numbers: Mapping[str, float]) -> dict[str, tuple[int, str]]:
    """Return a row's bin in each stratum.

    Examples:
        >>> bins_of({"heavy_atoms": 13, "charge": 0, "charged_atoms": 2})
        {'heavy_atoms': (2, '11 to 15'), 'charge': (1, 'charged atoms, neutral in all')}
    """
    bins = {name: name_bin(cuts, numbers[name]) for name, cuts in CUTS.items() if name in numbers}
    if "charge" in numbers:
        if numbers["charge"]:
            bins["charge"] = (2, "net charge")
        else:
            bins["charge"] = (
                (1, "charged atoms, neutral in all") if numbers["charged_atoms"] else (0, "no charge")
            )
    if "rare_elements" in numbers:
        bins["elements"] = (
            (1, "others, too") if numbers["rare_elements"] else (0, "C, H, N, O, halogens only")
        )
    if "parent_in_training" in numbers:
        bins["parent_in_training"] = (
            (1, "a salt, an ion or the parent of it is")
            if numbers["parent_in_training"]
            else (0, "no form of it is")
        )
    return bins


def stratify(rows: Sequence[Stratified]) -> list[dict[str, Any]]:
    """Return a line for each task, stratum and non-empty bin: rows, and shares with 95 % Wilson intervals.

    Of a task of numbers it has the mean absolute error with its bootstrap interval in their place. As in `mae_all` the mean of
    the task's targets stands in for an answer that is no number.
    """
    groups: dict[tuple[str, str, int, str], list[Stratified]] = {}
    for row in rows:
        assert not any(math.isnan(value) for value in row.numbers.values()), (
            "unknown numbers must be left out"
        )
        for stratum, (place, name) in bins_of(row.numbers).items():
            groups.setdefault((row.task, stratum, place, name), []).append(row)
    tasks = list(dict.fromkeys(row.task for row in rows))
    order = [*CUTS, "parent_in_training", "charge", "elements"]
    keys = sorted(groups, key=lambda key: (tasks.index(key[0]), order.index(key[1]), key[2]))
    targets: dict[str, list[float]] = {}
    for row in rows:
        if row.target is not None:
            targets.setdefault(row.task, []).append(row.target)
    means = {task: math.fsum(values) / len(values) for task, values in targets.items()}
    return [
        _line_of_numbers(key, groups[key], means[key[0]]) if key[0] in means else _line(key, groups[key])
        for key in keys
    ]


def _line_of_numbers(
    key: tuple[str, str, int, str], rows: Sequence[Stratified], mean: float
) -> dict[str, Any]:
    task, stratum, _, name = key
    errors = np.array(
        [
            abs((mean if row.answer is None else row.answer) - row.target)
            for row in rows
            if row.target is not None
        ]
    )
    low, high = bootstrap_interval(errors)
    bounds = {"mae_all": float(errors.mean()), "mae_all_low": low, "mae_all_high": high}
    return {
        **dict.fromkeys(COLUMNS),
        "task": task,
        "stratum": stratum,
        "bin": name,
        "rows": len(rows),
        **bounds,
    }


def _line(key: tuple[str, str, int, str], rows: Sequence[Stratified]) -> dict[str, Any]:
    task, stratum, _, name = key
    exact, right = sum(row.exact for row in rows), sum(row.right for row in rows)
    low, high = wilson_interval(exact, len(rows))
    right_low, right_high = wilson_interval(right, len(rows))
    return {
        **dict.fromkeys(COLUMNS), "task": task, "stratum": stratum, "bin": name, "rows": len(rows), "exact": exact,
        "exact_match": exact / len(rows), "low": low, "high": high, "right": right, "share_right": right / len(rows),
        "right_low": right_low, "right_high": right_high,
    }  # fmt: skip
