from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from bench.speed.interleave import order_of, run_in_turns
from bench.speed.stopwatch import EPOCHS
from tests.helpers.runs import PROJECT

TRAINER = """
import json, os, sys, time
from pathlib import Path
from bench.speed.stopwatch import EPOCHS, Stopwatch

name, fails = sys.argv[1:]

def note(what):
    with Path("notes").open("a") as file:
        file.write(f"{name} {what}\\n")

note("start")
stopwatch = Stopwatch(4)
for epoch in range(EPOCHS):
    stopwatch.begin_epoch()
    note(f"begin {epoch}")
    time.sleep(0.02)
    if fails == "error" and epoch == 1:
        raise ValueError("out of memory")
    if fails == "killed" and epoch == 1:
        os.kill(os.getpid(), 9)
    stopwatch.step(4)
    note(f"end {epoch}")
print("something else")
print(json.dumps({"trainer": name, **stopwatch.result(1.0)}))
"""


def race(folder: Path, *names: str, fails: str = "never", number: int = 0) -> dict[str, dict[str, object]]:
    """Run trainers that note what they do; of them `b` may fail."""
    return run_in_turns(
        names,
        lambda name: (sys.executable, "-c", TRAINER, name, fails if name == "b" else "never"),
        lambda name: {**os.environ, "PYTHONPATH": str(PROJECT)},
        folder,
        number,
    )


def test_one_trainer_runs_at_a_time_and_all_do_in_each_turn(tmp_path: Path) -> None:
    results = race(tmp_path, "a", "b", "c")
    assert {name: result["trainer"] for name, result in results.items()} == {"a": "a", "b": "b", "c": "c"}
    notes = [line.split() for line in (tmp_path / "notes").read_text().splitlines()]
    assert [words[1] for words in notes[:3]] == ["start"] * 3
    turns = list(zip(notes[3::2], notes[4::2], strict=True))
    assert all(begin == [end[0], "begin", end[2]] for begin, end in turns)
    for epoch in range(EPOCHS):
        here = turns[3 * epoch : 3 * epoch + 3]
        assert sorted(begin[0] for begin, _ in here) == ["a", "b", "c"]
        assert {begin[2] for begin, _ in here} == {str(epoch)}


@pytest.mark.parametrize(("fails", "message"), [("error", "out of memory"), ("killed", "b failed")])
def test_trainer_that_fails_ends_the_others(fails: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match=message):
        race(tmp_path, "a", "b", fails=fails)
    assert "a end 5" not in (tmp_path / "notes").read_text()


def test_trainer_that_cannot_start_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match=r"x failed:\n.*no such module"):
        run_in_turns(
            ["x"],
            lambda _: (sys.executable, "-c", "raise SystemExit('no such module')"),
            lambda _: os.environ,
            tmp_path,
        )


def test_order_of_trainers_depends_on_the_round_and_has_every_name() -> None:
    names = ("a", "b", "c", "d", "e")
    orders = [order_of(names, number) for number in range(5)]
    assert all(sorted(order) == sorted(names) for order in orders)
    assert len({order[0] for order in orders}) > 2
    assert order_of(names, 3) == orders[3]
