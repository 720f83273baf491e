from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bench.speed.results import keep_whole_rounds, read_results, replaced, rounds_of

OLD = [
    {"section": "machine", "of": "mfu", "cores": 1},
    {"section": "mfu", "round": 0, "share": 1},
    {"section": "machine", "of": "data", "cores": 1},
    {"section": "data", "round": 0, "wall": 1},
]


def found(number: int) -> dict[str, Any]:
    return {"section": "mfu", "round": number, "share": 2}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file with older results."""
    path = tmp_path / "speed.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in OLD))
    return path


def test_sections_keep_the_machine_they_were_measured_on() -> None:
    assert replaced(OLD, "mfu", {"cores": 2}, [found(0)]) == [
        *OLD[2:],
        {"section": "machine", "of": "mfu", "cores": 2},
        found(0),
    ]


def test_new_rounds_replace_older_results(path: Path) -> None:
    keep_whole_rounds("mfu", {"cores": 2}, [[found(0)], [found(1)]], path=path)
    assert read_results(path)[2:] == [
        {"section": "machine", "of": "mfu", "cores": 2},
        found(0),
        found(1),
    ]
    assert list(path.parent.iterdir()) == [path]


def stops(whole: int) -> Iterator[Iterator[dict[str, Any]]]:
    """Yield so many rounds and one that fails after its first result."""

    def broken() -> Iterator[dict[str, Any]]:
        yield found(whole)
        raise RuntimeError("out of memory")

    for number in range(whole):
        yield iter([found(number)])
    yield broken()


def test_failure_in_the_first_round_leaves_the_older_results(path: Path) -> None:
    with pytest.raises(RuntimeError, match="out of memory"):
        keep_whole_rounds("mfu", {"cores": 2}, stops(0), path=path)
    assert read_results(path) == OLD
    assert json.loads((path.parent / "speed.mfu.part.jsonl").read_text()) == found(0)


def test_failure_in_a_later_round_leaves_the_complete_rounds(path: Path) -> None:
    with pytest.raises(RuntimeError, match="out of memory"):
        keep_whole_rounds("mfu", {"cores": 2}, stops(1), path=path)
    assert [line for line in read_results(path) if line["section"] == "mfu"] == [found(0)]


def test_more_rounds_are_added_on_the_same_machine(path: Path) -> None:
    before = rounds_of(read_results(path), "mfu", {"cores": 1})
    keep_whole_rounds("mfu", {"cores": 1}, [[found(1)]], before, path)
    assert [line for line in read_results(path) if line["section"] == "mfu"] == [OLD[1], found(1)]
    assert rounds_of(OLD, "scaling", {"cores": 1}) == []


def test_more_rounds_are_refused_on_another_machine() -> None:
    with pytest.raises(ValueError, match=r"'cores': 1\}, but got .*'cores': 2\}\. Without --more"):
        rounds_of(OLD, "mfu", {"cores": 2})
