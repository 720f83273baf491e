from __future__ import annotations

import json
from pathlib import Path

import pytest

from callbacks.reports.compare.answers import Answers
from callbacks.reports.compare.groups import (
    Alone,
    describe_alone,
    group_runs,
    no_groups,
    read_groups,
    read_units,
)
from tests.helpers.prediction_tables import write_answers


def answers(number: int, start: int = 0) -> Answers:
    return {("t", f"in {start + place}", "x", 0): {"valid": True} for place in range(number)}


def test_runs_are_grouped_by_equal_rows_or_by_rows_that_all_share() -> None:
    runs = [answers(5), answers(5, start=90), answers(5, start=2), answers(5), answers(5, start=4)]
    assert group_runs(runs, overlap=False) == [[0, 3], [1], [2], [4]]
    assert group_runs(runs, overlap=True) == [[0, 2, 3, 4], [1]]


def test_two_runs_are_always_compared_by_their_shared_rows(tmp_path: Path) -> None:
    paths = [write_answers(tmp_path / name, [True] * 9, start=start) for name, start in (("a", 0), ("b", 4))]
    [group] = read_groups(paths, overlap=False).groups
    assert (len(group.shared), group.left_out, [run.name for run in group.runs]) == (5, 8, ["a", "b"])


def test_the_unit_is_that_of_the_run_a_table_lies_in(tmp_path: Path) -> None:
    run = write_answers(tmp_path / "a", [True], settings={})
    assert read_units(run) == {}
    (run / "summary.json").write_text(json.dumps({"fit": {}, "test": {"units": {"name": "°C"}}}))
    assert read_units(run) == read_units(run / "test" / "predictions" / "test_epoch_3.csv") == {"name": "°C"}
    (run / "summary.json").write_text("[]")
    assert read_units(run) == {}


def test_runs_alone_are_named_with_their_rows() -> None:
    many = [Alone(f"r{place}", 1_000, 0) for place in range(10)]
    assert str(no_groups(many)).endswith("and 2 more rows): test them with the same --data flags.")
    assert "r9 (1,000 rows)" in describe_alone(many)
    with pytest.raises(ValueError, match=r"no two of these 2 have them .* or add --shared"):
        raise no_groups([Alone("a", 3, 1), Alone("b", 3, 1)])
