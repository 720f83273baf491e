"""The tables of a study, setting by setting: means over seeds, and intervals over test rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from bench.markdown import as_table
from bench.studies.grid import SEED
from bench.studies.results import Result
from callbacks.statistics.intervals import wilson_interval


class Measure(NamedTuple):
    """A column: a metric, or 1 minus it."""

    label: str
    metric: str
    complement: bool = False


PHONEMES = (
    Measure("word error rate", "exact_match", complement=True),
    Measure("without stress", "exact_match_without_stress", complement=True),
    Measure("phoneme error rate", "phoneme_error_rate"),
    Measure("phonemes without stress", "phoneme_error_rate_without_stress"),
)
GENERAL = (
    Measure("exact match", "exact_match"),
    Measure("same molecule", "exact_match_canonical"),
    Measure("round trip", "round_trip"),
    Measure("well-formed", "validity"),
    Measure("edit similarity", "edit_similarity"),
)
ERRORS = (
    Measure("1 - exact match", "exact_match", complement=True),
    Measure("1 - edit similarity", "edit_similarity", complement=True),
    Measure("phoneme error rate", "phoneme_error_rate"),
)
"""The errors that power laws are fitted to."""


class Estimate(NamedTuple):
    """A mean over seeds, its interval over test rows, and the range over seeds."""

    value: float
    low: float
    high: float
    least: float
    most: float
    numerator: int | None
    """Summed over seeds; None if the measure is not a share."""
    denominator: int | None


class Setting(NamedTuple):
    """The results of one setting, one per seed."""

    values: tuple[Any, ...]
    """The values of the flags that vary."""
    results: list[Result]


def varying(results: Sequence[Result]) -> list[str]:
    """Return the flags, except for the seed, that have more than one value in the results."""
    flags = dict.fromkeys(flag for result in results for flag in result["flags"])
    return [
        flag
        for flag in flags
        if flag != SEED and len({str(result["flags"].get(flag)) for result in results}) > 1
    ]


def settings_of(results: Sequence[Result]) -> list[Setting]:
    """Return the settings, sorted by their numeric flags, the first flag first; otherwise in their given order."""
    flags = varying(results)
    groups: dict[str, Setting] = {}
    for result in results:
        values = tuple(result["flags"].get(flag, "-") for flag in flags)
        groups.setdefault(repr(values), Setting(values, [])).results.append(result)  # a value may be a list
    settings = list(groups.values())
    for place in reversed(range(len(flags))):
        if all(is_number(one.values[place]) for one in settings):
            settings.sort(key=lambda one: one.values[place])
    return settings


def is_number(value: Any) -> bool:
    """Return whether a flag's value is a number."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def tasks_of(results: Iterable[Result]) -> list[str]:
    """Return all tested tasks, in the order of their first result."""
    return list(dict.fromkeys(task for result in results for task in result["test"]))


def measures_of(results: Sequence[Result], task: str) -> list[Measure]:
    """Return the columns of a task: its measured metrics."""
    found = {name for result in results if task in result["test"] for name in result["test"][task]["metrics"]}
    return [
        measure
        for measure in (PHONEMES if PHONEMES[2].metric in found else GENERAL)
        if measure.metric in found
    ]


def estimate(results: Sequence[Result], task: str, measure: Measure) -> Estimate | None:
    """Return a measure over the seeds of a setting, None if it was not measured.

    The test rows are the same for all seeds, so more seeds do not narrow the interval: it is the interval for one seed's rows.
    """
    found = [
        metrics[measure.metric]
        for result in results
        if measure.metric in (metrics := result["test"].get(task, {}).get("metrics", {}))
    ]
    if not found:
        return None
    values = [one["value"] for one in found]
    mean = sum(values) / len(values)
    shares = [one for one in found if "numerator" in one]
    hits = rows = None
    if len(shares) == len(found):
        hits, rows = (int(sum(one[part] for one in shares)) for part in ("numerator", "denominator"))
        of_one = rows / len(shares)
        low, high = wilson_interval(min(mean, 1.0) * of_one, round(of_one))
    else:
        low, high = (
            sum(one.get(bound, one["value"]) for one in found) / len(found) for bound in ("low", "high")
        )
    if measure.complement:
        mean, low, high = 1 - mean, 1 - high, 1 - low
        values = [1 - value for value in values]
        hits = None if hits is None or rows is None else rows - hits
    return Estimate(mean, low, high, min(values), max(values), hits, rows)


def show_value(value: Any) -> str:
    """Return a flag's value as shown in a table."""
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


def table_of(results: Sequence[Result], task: str) -> str:
    """Return the Markdown table of a task: one line per setting."""
    measures = measures_of(results, task)
    flags = varying(results)
    header = [
        *(f"`{flag}`" for flag in flags), *(f"{measure.label} (95 %)" for measure in measures),
        "test rows", "steps", "minutes", "seeds",
    ]  # fmt: skip
    lines = []
    for setting in settings_of(results):
        tested = [result for result in setting.results if task in result["test"]]
        if not tested:
            continue
        lines.append(
            [
                *(show_value(value) for value in setting.values),
                *(_show(estimate(tested, task, measure)) for measure in measures),
                _span(result["test"][task]["rows"] for result in tested),
                _span(result["steps"] for result in tested),
                _minutes(tested),
                str(len(tested)),
            ]
        )
    return as_table(header, lines)


def _minutes(results: Sequence[Result]) -> str:
    """Return the mean minutes of a fit."""
    mean = sum(result["fit_seconds"] for result in results) / len(results) / 60
    return f"{at_least(results)}{mean:.1f}"


def at_least(results: Iterable[Result]) -> str:
    """Return `≥ ` if a result's fit was interrupted, since its seconds are those of the last session only; else nothing."""
    return "≥ " if any(result.get("sittings", 1) > 1 for result in results) else ""


def _span(numbers: Iterable[int]) -> str:
    return ", ".join(f"{number:,}" for number in sorted(set(numbers)))


def _show(found: Estimate | None) -> str:
    """Return `12.3 % (11.0 to 13.7), 246/2,000`, with the range over seeds if their values differ."""
    if found is None:
        return "-"
    text = f"{100 * found.value:.1f} % ({100 * found.low:.1f} to {100 * found.high:.1f}"
    if found.least < found.most:
        text += f"; seeds {100 * found.least:.1f} to {100 * found.most:.1f}"
    return text + ")" + (f", {found.numerator:,}/{found.denominator:,}" if found.denominator else "")
