from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from callbacks.run import write_timing
from callbacks.run.write_timing import WriteTiming, may_resume_validation


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time in seconds, to be set."""
    now = [1000.0]
    monkeypatch.setattr(write_timing.time, "monotonic", lambda: now[0])
    return now


@pytest.mark.parametrize(("minutes", "seconds", "passed", "due"), [
    (1.0, 0.1, 59, False), (1.0, 0.1, 61, True), (1.0, 10.0, 499, False), (1.0, 10.0, 501, True), (0.0, 0.0, 0, True),
])  # fmt: skip
def test_writing_takes_at_most_a_share_of_the_time(
    clock: list[float], minutes: float, seconds: float, passed: float, due: bool
) -> None:
    timing = WriteTiming(minutes)
    with timing.writing():
        clock[0] += seconds
    clock[0] += passed
    assert timing.is_due() == due


def test_the_time_counts_from_where_training_begins(clock: list[float]) -> None:
    timing = WriteTiming(1.0)
    clock[0] += 3600  # loading data
    timing.begin()
    assert not timing.is_due()


def test_what_is_written_is_up_to_date_until_a_batch_is_trained_on() -> None:
    timing = WriteTiming(5.0)
    assert (timing.up_to_date, timing.between_epochs) == (True, True)
    timing.begin_batch()
    assert (timing.up_to_date, timing.between_epochs) == (False, False)
    with timing.writing():
        assert not timing.up_to_date
    assert (timing.up_to_date, timing.between_epochs) == (True, False)


def test_a_checkpoint_that_could_not_be_written_counts_as_none(clock: list[float]) -> None:
    timing = WriteTiming(1.0)
    timing.begin_batch()
    clock[0] += 70
    with pytest.raises(OSError, match="full"), timing.writing():
        raise OSError("full")
    assert timing.is_due()
    assert not timing.up_to_date


@pytest.mark.parametrize(
    ("batch", "seconds", "may"),
    [(1, None, True), (0, None, False), (4, None, True), (1, 60.0, False), (2, None, False)],
)
def test_a_validation_can_be_begun_again_after_a_step_or_an_epoch_but_not_by_the_clock(
    batch: int, seconds: float | None, may: bool
) -> None:
    trainer: Any = SimpleNamespace(
        fit_loop=SimpleNamespace(batch_idx=batch),
        accumulate_grad_batches=2,
        num_training_batches=5,
        _val_check_time_interval=seconds,
    )
    assert may_resume_validation(trainer) is may
