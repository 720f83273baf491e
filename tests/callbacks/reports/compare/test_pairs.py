from __future__ import annotations

import math

import numpy as np
import pytest

from callbacks.reports.compare.answers import read_answers
from callbacks.reports.compare.pairs import compare_answers, compare_verdicts


@pytest.mark.parametrize("rows", [40, 500])
def test_interval_of_few_differing_rows_excludes_zero_only_where_mcnemar_does(rows):
    same = np.array([True, False] * (rows // 2))
    widths = []
    for gained in range(10):
        second = same.copy()
        second[np.flatnonzero(~same)[:gained]] = True
        found = compare_verdicts("t", "exact_match", same, second)
        widths.append(found.high - found.low)
        assert found.low <= found.difference <= found.high
        assert found.difference == pytest.approx(gained / rows)
        assert (found.low <= 0) == (
            found.p > 0.07
        )  # five gained and none lost: p = 0.0625, the bound is 0.0005
    assert widths == sorted(widths)
    none = compare_verdicts("t", "exact_match", same, same)
    assert none.low == -none.high < 0


def test_difference_of_two_runs_is_paired():
    """Two runs that agree on nearly all rows differ by little, however wide each one's own interval is."""
    rng = np.random.default_rng(0)
    first = rng.random(1_000) < 0.5
    second = first.copy()
    second[np.flatnonzero(~first)[:20]] = True
    found = compare_verdicts("t", "exact_match", first, second)
    assert (found.only_first, found.only_second) == (0, 20)
    assert found.difference == pytest.approx(0.02)
    half_width = 1.96 * math.sqrt(0.02 * 0.98 / 1_000)
    assert found.low == pytest.approx(0.02 - half_width, abs=0.002)
    assert found.high == pytest.approx(0.02 + half_width, abs=0.002)
    assert found.p < 1e-5


def table_row(task, given, target, verdict="wrong", **same):
    return {
        "task": task,
        "input": given,
        "target": target,
        "verdict": verdict,
        **{f"same_{k}": v for k, v in same.items()},
    }


def test_compare_matches_rows_by_question_and_not_by_place():
    first = read_answers(
        [
            table_row("t", "a", "x", string="true"),
            table_row("t", "a", "x", string="false", round_trip="true"),
            table_row("t", "b", "y", "invalid", string="FALSE"),
            table_row("u", "b", "y", string="true", canonical=""),
        ]
    )
    second = read_answers(
        [
            table_row("t", "b", "y", string="true"),
            table_row("t", "c", "z", string="true"),
            table_row("t", "a", "x", string="TRUE"),  # as a spreadsheet saves it
            table_row("t", "a", "x", string="true", round_trip="true"),
        ]
    )
    exact, valid, round_trip, readable = compare_answers(first, second)
    assert (exact.metric, exact.rows, exact.only_first, exact.only_second) == ("exact_match", 3, 0, 2)
    assert (valid.metric, valid.rows, valid.first, valid.second) == ("valid", 2, 0.5, 1.0)
    assert (round_trip.metric, round_trip.rows) == (
        "round_trip",
        1,
    )  # though the first row in common has none
    assert (readable.metric, readable.rows, readable.first, readable.second) == ("readable", 1, 1.0, 1.0)
    with pytest.raises(ValueError, match=r"rows in common .* none among 4 and 1 rows"):
        compare_answers(first, read_answers([table_row("t", "q", "q", string="true")]))
