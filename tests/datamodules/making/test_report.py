from __future__ import annotations

import pytest

from datamodules.making.recipe import NOT_ASKED
from datamodules.making.report import count_methods, summarize


def test_candidates_are_counted_once_and_reasons_sorted_by_number() -> None:
    dropped = {("a", "held out"): 1, ("a", "not read: valence"): 3, ("b", f"{NOT_ASKED}long"): 2}
    counts = count_methods({"a": 10, "b": 2}, dropped, {"a": 6})
    assert counts["a"] == {
        "generated": 10, "asked": 10, "read": 7, "kept": 6, "dropped": {"not read: valence": 3, "held out": 1}
    }  # fmt: skip
    assert counts["b"] == {
        "generated": 2,
        "asked": 0,
        "read": 0,
        "kept": 0,
        "dropped": {f"{NOT_ASKED}long": 2},
    }
    assert summarize(counts) == "6 rows of 12 candidates; a: 70.0 % read, 60.0 % kept"


def test_a_lost_candidate_is_an_error() -> None:
    with pytest.raises(AssertionError, match="every candidate is kept or dropped"):
        count_methods({"a": 2}, {}, {"a": 1})
