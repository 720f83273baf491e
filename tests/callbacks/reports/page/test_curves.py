from __future__ import annotations

import math

from callbacks.reports.page.curves import MOST_POINTS, Point, Series, draw_chart, thin


def test_chart_places_its_values_between_the_ticks():
    chart = draw_chart("Loss", [Series("train", [Point(0, 0), Point(100, 4)])])
    ticks = {label: y for y, label in chart.y_ticks}
    assert ticks["0"] > ticks["2"] > ticks["4"]
    (start, bottom, _), (end, top, words) = chart.lines[0].dots
    assert bottom == ticks["0"]
    assert abs(top - ticks["4"]) < 0.2
    assert {label: x for x, label in chart.x_ticks}["100"] == end > start
    assert words == "train: 4 at optimizer step 100"


def test_shares_above_a_half_are_drawn_up_to_one():
    chart = draw_chart("Exact", [Series("t", [Point(1, 0.6, 0.5, 0.7)])], percent=True)
    assert chart.y_ticks[-1][1] == "100 %"
    assert chart.lines[0].last == "60.0 %"
    assert chart.lines[0].band == ""  # one point has no area
    assert chart.lines[0].dots[0][2] == "t: 60.0 % (50.0 to 70.0) at optimizer step 1"


def test_values_that_are_not_finite_are_left_out():
    assert draw_chart("Loss", [Series("train", [Point(1, math.nan), Point(2, math.inf)])]) is None
    assert draw_chart("Loss", []) is None
    assert len(draw_chart("Loss", [Series("train", [Point(1, math.nan), Point(2, 1.0)])]).lines[0].dots) == 1


def test_long_lines_are_thinned_to_their_means():
    points = thin([Point(step, 1.0) for step in range(10_001)])
    assert len(points) == MOST_POINTS
    assert {point.y for point in points} == {1.0}
    chart = draw_chart("Loss", [Series("train", points, faint=True)])
    assert chart.lines[0].dots == []


def test_values_of_zero_have_a_chart():
    chart = draw_chart("Exact", [Series("t", [Point(0, 0.0, 0.0, 0.0)])], percent=True)
    assert chart is not None
    assert math.isfinite(chart.lines[0].dots[0][1])
