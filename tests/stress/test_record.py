from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.stress import record as module
from tests.stress.record import DOCS, count, record
from tests.stress.report import page, table


def test_reliability_page_holds_the_recorded_numbers() -> None:
    assert (DOCS / "reliability.md").read_text(encoding="utf-8") == page(), (
        "docs/reliability.md is not what `python -m tests.stress.report` writes"
    )


def test_count_tries_every_case_and_counts_each_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    results = tmp_path / "reliability.jsonl"
    monkeypatch.setattr(module, "record", lambda *args, **options: record(*args, **options, path=results))
    tried = []

    def attempt(case: int) -> None:
        tried.append(case)
        assert case % 3, "divisible"

    with pytest.raises(
        AssertionError, match=r"stress test 2, it: 4 of 6 passed; first failure: 0: AssertionError: divisible"
    ):
        count(2, "it", range(6), attempt, "a note", keep=True)
    assert tried == list(range(6))
    line = json.loads(results.read_text())
    assert line | {"seconds": 0} == {
        "gate": 2, "what": "it", "tried": 6, "passed": 4, "seconds": 0, "note": "a note"
    }  # fmt: skip


def test_count_takes_the_time_from_the_beginning_of_the_test(monkeypatch: pytest.MonkeyPatch) -> None:
    seconds: list[float] = []
    monkeypatch.setattr(module, "record", lambda *args, **options: seconds.append(options["seconds"]))
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: 1000.0))
    count(1, "it", [1], lambda case: None, keep=True, begun=940.0)
    assert seconds == [60]


def test_count_writes_nothing_down_without_keep(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "record", lambda *args, **options: pytest.fail("written down"))
    count(1, "it", [1, 2], lambda case: None, keep=False)


def test_table_shows_the_last_result_of_each_stress_test() -> None:
    lines = [
        {"gate": 2, "what": "b", "tried": 1, "passed": 0, "seconds": 6, "note": "old"},
        {"gate": 1, "what": "a", "tried": 1000, "passed": 999, "seconds": 90, "note": ""},
        {"gate": 2, "what": "b", "tried": 2, "passed": 2, "seconds": 6, "note": "new"},
        {"gate": 3, "what": "c", "tried": 2, "passed": 2, "seconds": None, "note": ""},
    ]
    assert table(lines).splitlines()[2:] == [
        "| 1 | a | 1,000 | 999 | 1.5 |  |",
        "| 2 | b | 2 | 2 | 0.1 | new |",
        "| 3 | c | 2 | 2 |  |  |",
    ]
