from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from callbacks.metrics.kinds.number_errors import NumberErrors, read_drawn, summarize_numbers
from callbacks.rows.evaluated_row import EvaluatedRow
from callbacks.rows.evaluation import Evaluation
from tests.helpers.callback_stubs import make_row, score_rows


def test_only_numbers_are_scored_and_an_answer_that_is_none_is_left_out() -> None:
    assert score_rows(
        NumberErrors(), ("1.5", "-2", "number"), ("n. a.", "3", "number"), ("1", "1", "text")
    ) == [
        {"number": 1.5, "number_target": -2.0},
        {"number_target": 3.0},
        {},
    ]


def test_an_answer_that_is_no_number_counts_as_the_farthest_target_in_the_headline_only() -> None:
    found = summarize_numbers(np.array([2.0, np.nan, 6.0]), np.array([1.0, 2.0, 6.0]))
    assert found["mae"].value == 0.5
    assert found["mae_all"].value == pytest.approx((1 + 4 + 0) / 3)
    assert found["is_number"].value == pytest.approx(2 / 3)


def test_without_any_number_there_is_a_headline_and_no_error() -> None:
    found = summarize_numbers(np.full(4, np.nan), np.arange(4.0))
    assert set(found) == {"is_number", "within_tolerance", "mae_all"}
    assert found["mae_all"].value == (3 + 2 + 2 + 3) / 4
    for guess in (0.0, 1.5, 3.0):
        assert summarize_numbers(np.full(4, guess), np.arange(4.0))["mae_all"].value < found["mae_all"].value
    assert summarize_numbers(np.zeros(0), np.zeros(0)) == {}


def test_tolerance_is_the_users_or_a_fifth_of_the_deviation() -> None:
    targets = np.array([0.0, 10.0])  # deviation 5
    answers = np.array([0.9, 11.1])
    assert summarize_numbers(answers, targets)["within_tolerance"].value == 0.5
    assert summarize_numbers(answers, targets, tolerance=1.2)["within_tolerance"].value == 1.0
    with pytest.raises(ValueError, match="Expected tolerance to be above 0, but got 0"):
        NumberErrors(tolerance=0)


def drawn_row(target: str, *texts: str) -> EvaluatedRow:
    row = make_row(texts[0], target, "number")
    return dataclasses.replace(row, candidates=tuple((text, -1.0, True) for text in texts))


def test_drawn_numbers_give_an_expected_value_and_an_interval() -> None:
    [scores] = NumberErrors().score(Evaluation([drawn_row("3", "9", "1", "2", "x", "6")]))
    assert scores["number"] == 9.0
    assert scores["expected"] == 3.0  # of the drawn ones: the row's own answer is not one
    assert (scores["lower"], scores["upper"]) == pytest.approx((1.1, 5.6))
    assert read_drawn(drawn_row("3", "9", "1")) is None
    assert read_drawn(make_row("9", "3", "number")) is None


def test_intervals_of_a_calibrated_forecast_cover_nine_of_ten() -> None:
    rng = np.random.default_rng(0)
    rows = [
        drawn_row(f"{rng.normal():.6f}", "0", *(f"{value:.6f}" for value in rng.normal(size=200)))
        for _ in range(300)
    ]
    scores = NumberErrors().score(Evaluation(rows))
    table = {name: np.array([score[name] for score in scores]) for name in NumberErrors.columns}
    found = NumberErrors().summarize(table)
    assert found["interval_coverage"].low < 0.9 < found["interval_coverage"].high
    assert found["interval_width"].value == pytest.approx(2 * 1.645, rel=0.05)
    assert found["mae_expected"].value == pytest.approx(0.8, rel=0.15)
