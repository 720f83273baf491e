from __future__ import annotations

from typing import Any

import pytest
from jsonargparse import Namespace

from cli.run.resume_lists import drop_repeated, find_repeated


def stop(**init_args: Any) -> dict[str, Any]:
    return {"class_path": "EarlyStopping", "init_args": {"monitor": "val/loss", "patience": 3, **init_args}}


def checkpoint(dirpath: str | None, **init_args: Any) -> dict[str, Any]:
    return {"class_path": "ModelCheckpoint", "init_args": {"dirpath": dirpath, "monitor": None, **init_args}}


TIMER = {"class_path": "Timer"}


@pytest.mark.parametrize(
    ("before", "now", "kept"),
    [
        ([stop()], [stop(), stop()], [0]),
        ([TIMER, stop()], [TIMER, stop(), TIMER, stop()], [0, 1]),
        ([stop()], [stop(), stop(patience=5)], [1]),  # as any other flag, it overrides the run's
        ([stop(), stop(patience=5)], [stop(), stop(patience=5), stop()], [0, 1]),
        ([stop()], [stop(), stop(monitor="val/exact_match")], None),  # another one, beside it
        ([stop()], [stop(), TIMER], None),
        ([stop()], [stop(patience=5)], None),  # nothing was appended
        ([stop()], [TIMER, stop(), stop()], None),  # a list of the user's own
        ([checkpoint("runs/a/checkpoints")], [checkpoint("runs/a/checkpoints"), checkpoint(None)], [0]),
        ([checkpoint("runs/a/checkpoints")], [checkpoint("runs/a/checkpoints"), checkpoint("x")], [1]),
        (["a", "b"], ["a", "b", "b", "c", "c"], [0, 1, 3]),
        ([], ["a", "a"], [0]),
        (None, ["a", "a"], None),
    ],
)
def test_what_is_appended_is_there_once(before: Any, now: Any, kept: list[int] | None) -> None:
    found = list(find_repeated({"some": {"list": before}}, {"some": {"list": now}}))
    assert found == ([] if kept is None else [(("some", "list"), kept)])


def test_lists_within_lists_are_found_and_dropped() -> None:
    before = {"callbacks": [{"class_path": "Tags", "init_args": {"tags": ["a"]}}]}
    now = {"callbacks": [{"class_path": "Tags", "init_args": {"tags": ["a", "a"]}}, TIMER, TIMER]}
    config = Namespace(
        callbacks=[
            Namespace(class_path="Tags", init_args=Namespace(tags=["a", "a"])),
            Namespace(class_path="Timer"),
            Namespace(class_path="Timer"),
        ]
    )
    drop_repeated(config, before, now)
    assert config.callbacks == [
        Namespace(class_path="Tags", init_args=Namespace(tags=["a"])),
        Namespace(class_path="Timer"),
    ]
