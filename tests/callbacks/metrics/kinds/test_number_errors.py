from __future__ import annotations

import numpy as np
import pytest

from callbacks.metrics.kinds.number_errors import NumberErrors, summarize_numbers
from tests.helpers.callback_stubs import score_rows


def test_only_numbers_are_scored_and_an_answer_that_is_none_is_left_out() -> None:
    assert score_rows(
        NumberErrors(), ("1.5", "-2", "number"), ("n. a.", "3", "number"), ("1", "1", "text")
    ) == [
        {"number": 1.5, "number_target": -2.0},
        {"number_target": 3.0},
        {},
    ]


def test_an_answer_that_is_no_number_counts_as_the_mean_in_the_headline_only() -> None:
    found = summarize_numbers(np.array([2.0, np.nan, 6.0]), np.array([1.0, 2.0, 6.0]))
    assert found["mae"].value == 0.5
    assert found["mae_all"].value == pytest.approx((1 + 1 + 0) / 3)
    assert found["is_number"].value == pytest.approx(2 / 3)


def test_without_any_number_there_is_a_headline_and_no_error() -> None:
    found = summarize_numbers(np.full(4, np.nan), np.arange(4.0))
    assert set(found) == {"is_number", "within_tolerance", "mae_all"}
    assert found["mae_all"].value == 1.0
    assert summarize_numbers(np.zeros(0), np.zeros(0)) == {}


def test_tolerance_is_the_users_or_a_fifth_of_the_deviation() -> None:
    targets = np.array([0.0, 10.0])  # deviation 5
    answers = np.array([0.9, 11.1])
    assert summarize_numbers(answers, targets)["within_tolerance"].value == 0.5
    assert summarize_numbers(answers, targets, tolerance=1.2)["within_tolerance"].value == 1.0
    with pytest.raises(ValueError, match="Expected tolerance to be above 0, but got 0"):
        NumberErrors(tolerance=0)
