"""Decide when to write last.ckpt: by the time since the last write, and by whether training has continued since."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from lightning.pytorch import Trainer

from callbacks.lightning_private import validates_by_time

LARGEST_SHARE = 0.02
"""Maximum share of the time that checkpoints within an epoch may take."""


class WriteTiming:
    """Tracks whether a write is due and whether there is anything new to write.

    Args:
        minutes: Minutes between writes within an epoch; longer if writing would take over `LARGEST_SHARE` of the time.
    """

    def __init__(self, minutes: float) -> None:
        self.minutes = minutes
        self.up_to_date = True
        """Whether last.ckpt holds all training so far."""
        self.between_epochs = True
        """Whether no batch or validation has begun since an epoch ended, or since the run ended within one."""
        self._written, self._seconds = time.monotonic(), 0.0

    def begin(self) -> None:
        """Start the clock when training begins."""
        self._written = time.monotonic()

    def begin_batch(self) -> None:
        """Record that a training batch begins."""
        self.up_to_date = self.between_epochs = False

    def is_due(self) -> bool:
        """Return whether the last write is long enough ago."""
        pause = max(60 * self.minutes, self._seconds / LARGEST_SHARE)
        return time.monotonic() - self._written >= pause

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Measure the duration of a write; a failed write changes nothing."""
        begun = time.monotonic()
        yield
        self._written = time.monotonic()
        self._seconds = self._written - begun
        self.up_to_date = True


def ends_step(trainer: Trainer) -> bool:
    """Return whether the current batch ends an optimizer step, not only a part of its accumulation window."""
    batch = trainer.fit_loop.batch_idx + 1
    return batch % trainer.accumulate_grad_batches == 0 or batch == trainer.num_training_batches


def may_resume_validation(trainer: Trainer) -> bool:
    """Return whether Lightning could resume from a checkpoint written before the validation that begins now.

    It could not within an accumulation window, nor if validation runs by time; the next step's checkpoint is soon enough.
    """
    return ends_step(trainer) and not validates_by_time(trainer)
