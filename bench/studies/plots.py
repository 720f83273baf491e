"""The plots of a study; error bars are 95 % intervals over the test rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from bench.studies.power_law import Point, PowerLaw
from bench.studies.results import Result
from bench.studies.tables import (
    Estimate,
    Measure,
    Setting,
    estimate,
    is_number,
    settings_of,
    show_value,
    varying,
)
from bench.svg import tidy

COLOURS = ("#0b6e99", "#d9730d", "#448361", "#9065b0", "#c14c8a", "#787774", "#cb912f", "#1f3a5f")
LOGARITHMIC_FROM = 30
"""From this ratio of the largest to the smallest value the axis is logarithmic."""


def draw(results: Sequence[Result], task: str, measure: Measure) -> Figure:
    """Plot a measure: over the numeric flag with most values, one line per setting of the other flags; else bars."""
    flags, settings = varying(results), settings_of(results)
    numeric = [
        place
        for place in range(len(flags))
        if all(is_number(one.values[place]) for one in settings)
        and len({one.values[place] for one in settings}) > 2
    ]
    figure = Figure(figsize=(6.4, 3.8))
    axes = figure.add_subplot()
    if numeric:
        place = max(numeric, key=lambda place: len({one.values[place] for one in settings}))
        _lines(axes, settings, task, measure, flags, place)
        axes.set_ylabel(f"{measure.label}, %")
        axes.set_ylim(bottom=0)
    else:
        figure.set_size_inches(6.4, 1.0 + 0.45 * len(settings))
        _bars(axes, settings, task, measure)
        axes.set_xlabel(f"{measure.label}, %")
        axes.set_xlim(left=0)
    tidy(axes, f"{measure.label}: {task}")
    return figure


def _lines(
    axes: Any, settings: Sequence[Setting], task: str, measure: Measure, flags: Sequence[str], place: int
) -> None:
    series: dict[str, list[tuple[float, Estimate]]] = {}
    for one in settings:
        found = estimate(one.results, task, measure)
        if found is not None:
            others = zip(flags, one.values, strict=True)
            label = ", ".join(
                f"{flag.rsplit('.')[-1]} {show_value(value)}"
                for number, (flag, value) in enumerate(others)
                if number != place
            )
            series.setdefault(label, []).append((one.values[place], found))
    for number, (label, points) in enumerate(series.items()):
        points.sort(key=lambda point: point[0])
        style = {"color": COLOURS[number % len(COLOURS)], "marker": "o", "capsize": 3, "linewidth": 1.8}
        axes.errorbar(
            [x for x, _ in points], [100 * found.value for _, found in points],
            yerr=_bounds([found for _, found in points]), label=label, **style,
        )  # fmt: skip
    axes.set_xlabel(flags[place])
    sizes = sorted({x for points in series.values() for x, _ in points})
    if sizes and sizes[0] > 0 and sizes[-1] / sizes[0] >= LOGARITHMIC_FROM:
        axes.set_xscale("log")
    axes.set_xticks(sizes, [show_value(size) for size in sizes])
    axes.minorticks_off()
    if len(series) > 1:
        axes.legend(frameon=False, fontsize=8)


def _bars(axes: Any, settings: Sequence[Setting], task: str, measure: Measure) -> None:
    found = [(one, estimate(one.results, task, measure)) for one in settings]
    known = [(one, value) for one, value in found if value is not None]
    places = np.arange(len(known))
    values = [value for _, value in known]
    axes.barh(
        places, [100 * value.value for value in values], xerr=_bounds(values), height=0.6,
        color=COLOURS[0], alpha=0.85, error_kw={"capsize": 3, "ecolor": "#333333"},
    )  # fmt: skip
    axes.set_yticks(places, ["\n".join(_wrap(one.values)) for one, _ in known])
    axes.invert_yaxis()


def _wrap(values: Sequence[Any]) -> list[str]:
    """Return a setting in lines of at most two list items, so that a list of tasks leaves room for the bars."""
    parts = " · ".join(show_value(value) for value in values).split(",")
    return [", ".join(parts[start : start + 2]) for start in range(0, len(parts), 2)]


def _bounds(values: Sequence[Estimate]) -> list[list[float]]:
    below = [100 * max(0.0, value.value - value.low) for value in values]
    return [below, [100 * max(0.0, value.high - value.value) for value in values]]


def draw_power_law(laws: Sequence[tuple[str, Sequence[Point], PowerLaw]], task: str) -> Figure:
    """Plot errors against examples on logarithmic axes, with their power laws; doubtful ones are dotted."""
    figure = Figure(figsize=(6.4, 3.8))
    axes = figure.add_subplot()
    for number, (label, points, law) in enumerate(laws):
        colour = COLOURS[number % len(COLOURS)]
        sizes = np.array([point.size for point in points])
        bars = [1.96 * point.deviation for point in points]
        axes.errorbar(
            sizes, [point.error for point in points], yerr=bars, fmt="o", capsize=3, color=colour,
            label=f"{label}: exponent {law.exponent:.2f} ({law.low:.2f} to {law.high:.2f})",
        )  # fmt: skip
        ends = np.geomspace(sizes.min(), sizes.max(), 50)
        axes.plot(ends, law.factor * ends**-law.exponent, ":" if law.doubt else "-", color=colour)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("training examples")
    axes.set_ylabel("error")
    axes.legend(frameon=False, fontsize=8)
    tidy(axes, f"Power laws: {task}")
    return figure
