"""A data module's own resuming is in test_sequence_task_resume.py."""

from __future__ import annotations

import pytest

from datamodules.fit_position import FitPosition

BATCHES = {"rows": 40, "ranks": 1}


def test_a_fit_begins_at_the_first_batch_and_goes_on_at_a_checkpoints() -> None:
    position = FitPosition()
    assert position.check(BATCHES, overfits=False) == {"epoch": 0, "batches": 0}
    position.contents = {"tasks": "a"}
    position.take(
        {"epoch": 2, "batches": 5, **BATCHES, "contents": {"tasks": "a"}, "mixing": {"history": []}}
    )
    assert position.check(BATCHES, overfits=False) == {"epoch": 2, "batches": 5, **BATCHES}
    with pytest.raises(ValueError, match=r"in the middle of epoch 2, after 5 batches .*rows 40.*rows 41"):
        position.check({**BATCHES, "rows": 41}, overfits=False)


def test_other_content_is_refused_within_an_epoch() -> None:
    position = FitPosition()
    position.contents = {"tasks": "b"}
    position.take({"epoch": 2, "batches": 5, **BATCHES, "contents": {"tasks": "a"}})
    with pytest.raises(ValueError, match=r"other content: tasks"):
        position.check(BATCHES, overfits=False)
