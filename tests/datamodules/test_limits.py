from __future__ import annotations

import pytest

from datamodules.limits import LEAST, check_fractions, refuse_below, refuse_no_questions


@pytest.mark.parametrize("name", LEAST)
def test_flag_below_its_minimum_is_refused(name: str) -> None:
    refuse_below(**{name: LEAST[name]})
    with pytest.raises(ValueError, match=f"Expected --data.{name} to be at least {LEAST[name]}, but got"):
        refuse_below(**{name: LEAST[name] - 1})


def test_none_is_no_limit() -> None:
    refuse_below(train_rows=None)


def test_fractions_must_leave_rows_for_training() -> None:
    check_fractions(0.5, 0.4)
    for shares in ((0.5, 0.5), (-0.1, 0.1), (float("nan"), 0.1)):
        with pytest.raises(ValueError, match="add up to less than 1"):
            check_fractions(*shares)


def test_questions_are_needed() -> None:
    assert refuse_no_questions("x.csv") == "x.csv"
    with pytest.raises(ValueError, match=r"needs the file"):
        refuse_no_questions(None)
