"""Values as the lines of a picture: pure geometry, which the page's template writes as an SVG."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

WIDTH, HEIGHT = 460, 230
LEFT, RIGHT, TOP, BOTTOM = 52, 24, 12, 30
MOST_POINTS = 400
"""Most points of a line: longer ones are replaced by the means of as many parts."""


class Point(NamedTuple):
    """A value with the bounds of its interval, if it has one."""

    x: float
    y: float
    low: float | None = None
    high: float | None = None


class Series(NamedTuple):
    """A named line."""

    name: str
    points: Sequence[Point]
    faint: bool = False
    """Whether it is drawn thin and without dots."""


class Line(NamedTuple):
    """A line in the picture's pixels."""

    name: str
    path: str
    band: str
    """The outline of its intervals; empty without any."""
    dots: Sequence[tuple[float, float, str]]
    """x, y and the value in words."""
    faint: bool
    last: str
    """The last value in words; empty where it is only one of many."""


class Chart(NamedTuple):
    """A picture of lines."""

    title: str
    x_label: str
    lines: Sequence[Line]
    x_ticks: Sequence[tuple[float, str]]
    y_ticks: Sequence[tuple[float, str]]
    diagonal: str
    """The path of the line y = x; empty without one."""


def thin(points: Sequence[Point], most: int = MOST_POINTS) -> list[Point]:
    """Return at most `most` points: the means of equal parts of finite ones.

    Examples:
        >>> [(point.x, point.y) for point in thin([Point(x, 2 * x) for x in range(6)], most=3)]
        [(0.5, 1.0), (2.5, 5.0), (4.5, 9.0)]
    """
    points = [point for point in points if math.isfinite(point.x) and math.isfinite(point.y)]
    if len(points) <= most:
        return points
    edges = [len(points) * part // most for part in range(most + 1)]
    parts = [points[start:end] for start, end in pairwise(edges)]
    return [Point(*(math.fsum(values) / len(part) for values in zip(*((p.x, p.y) for p in part), strict=True)))
            for part in parts]  # fmt: skip


def choose_ticks(low: float, high: float, count: int = 5) -> list[float]:
    """Return about `count` round numbers from `low` to `high`.

    Examples:
        >>> choose_ticks(0, 1), choose_ticks(0, 225)
        ([0.0, 0.2, 0.4, 0.6, 0.8, 1.0], [0.0, 50.0, 100.0, 150.0, 200.0])
    """
    rough = (high - low) / count
    if not rough > 0:
        return [low]
    magnitude = 10.0 ** math.floor(math.log10(rough))
    step = magnitude * next(unit for unit in (1, 2, 5, 10) if unit >= rough / magnitude - 1e-9)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(number * step, 12) for number in range(first, last + 1)]


def format_value(value: float, percent: bool) -> str:
    """Return a value in words.

    Examples:
        >>> format_value(0.283, percent=True), format_value(1234.5, percent=False), format_value(0.41234, percent=False)
        ('28.3 %', '1,234', '0.412')
    """
    if percent:
        return f"{100 * value:.1f} %"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def draw_chart(
    title: str, series: Sequence[Series], *, x_label: str = "optimizer step", percent: bool = False,
    diagonal: bool = False,
) -> Chart | None:  # fmt: skip
    """Return the picture of some lines, whose values begin at 0; None if no line has a point.

    Args:
        title: What is shown.
        series: The lines.
        x_label: What x is.
        percent: Whether values are shares, written as percentages.
        diagonal: Whether x is a share, too, and the line y = x is drawn.
    """
    drawn = [one._replace(points=points) for one in series if (points := thin(one.points))]
    if not drawn:
        return None
    points = [point for one in drawn for point in one.points]
    tops = [max(point.y, point.high if point.high is not None else point.y) for point in points]
    right = 1.0 if diagonal else max(point.x for point in points) or 1.0
    top = 1.0 if percent and max(tops) > 0.5 else max(tops) * 1.08 or 1.0

    def place(x: float, y: float) -> tuple[float, float]:
        across, up = x / right, min(max(y, 0.0), top) / top
        left, bottom = LEFT + across * (WIDTH - LEFT - RIGHT), HEIGHT - BOTTOM - up * (HEIGHT - TOP - BOTTOM)
        return round(left, 1), round(bottom, 1)

    def path(places: Sequence[tuple[float, float]]) -> str:
        return "M" + "L".join(f"{x},{y}" for x, y in places) if places else ""

    lines = []
    for one in drawn:
        bounded = [point for point in one.points if point.low is not None and point.high is not None]
        band = [place(p.x, p.high or 0.0) for p in bounded] + [
            place(p.x, p.low or 0.0) for p in reversed(bounded)
        ]
        dots = [] if one.faint or len(one.points) > 60 else [
            (*place(point.x, point.y), _describe(one.name, point, percent, x_label)) for point in one.points
        ]  # fmt: skip
        line = path([place(point.x, point.y) for point in one.points])
        last = "" if diagonal else format_value(one.points[-1].y, percent)
        lines.append(
            Line(one.name, line, path(band) + "Z" if len(bounded) > 1 else "", dots, one.faint, last)
        )
    y_ticks = [(place(0, value)[1], _tick(value, percent)) for value in choose_ticks(0, top, 4)]
    x_ticks = [(place(value, 0)[0], _tick(value, diagonal)) for value in choose_ticks(0, right, 5)]
    return Chart(
        title, x_label, lines, x_ticks, y_ticks, path([place(0, 0), place(1, 1)]) if diagonal else ""
    )


def _describe(name: str, point: Point, percent: bool, x_label: str) -> str:
    bounds = ""
    if point.low is not None and point.high is not None:
        low, high = (format_value(bound, percent).removesuffix(" %") for bound in (point.low, point.high))
        bounds = f" ({low} to {high})"
    return f"{name}: {format_value(point.y, percent)}{bounds} at {x_label} {point.x:,.4g}"


def _tick(value: float, percent: bool) -> str:
    return f"{100 * value:.3g} %" if percent else f"{value:,g}" if abs(value) < 1e4 else f"{value / 1e3:,g}k"
