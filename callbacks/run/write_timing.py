"""When last.ckpt is written: how long ago the last time was, and whether anything was trained since."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from lightning.pytorch import Trainer

from callbacks.lightning_private import validates_by_time

LARGEST_SHARE = 0.02
"""Most of the time that the checkpoints in between may take."""


class WriteTiming:
    """Knows whether it is time to write, and whether there is anything to write.

    Args:
        minutes: How often to write within an epoch. It is less often if that took over `LARGEST_SHARE` of the time.
    """

    def __init__(self, minutes: float) -> None:
        self.minutes = minutes
        self.up_to_date = True
        """Whether nothing has been trained that last.ckpt does not hold."""
        self.between_epochs = True
        """Whether nothing has begun since an epoch ended."""
        self._written, self._seconds = time.monotonic(), 0.0

    def begin(self) -> None:
        """Count the time from now on: training begins."""
        self._written = time.monotonic()

    def begin_batch(self) -> None:
        """Note that a batch is trained on, within an epoch."""
        self.up_to_date = self.between_epochs = False

    def is_due(self) -> bool:
        """Return whether the last time is long enough ago."""
        pause = max(60 * self.minutes, self._seconds / LARGEST_SHARE)
        return time.monotonic() - self._written >= pause

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Measure how long it takes to write; if that fails, nothing is noted."""
        begun = time.monotonic()
        yield
        self._written = time.monotonic()
        self._seconds = self._written - begun
        self.up_to_date = True


def may_resume_validation(trainer: Trainer) -> bool:
    """Return whether Lightning could go on from a checkpoint that is written before the validation that begins now.

    It could not within an accumulation window, nor where validations come by the clock; the next step is soon enough.
    """
    batch = trainer.fit_loop.batch_idx + 1
    ends_step = batch % trainer.accumulate_grad_batches == 0 or batch == trainer.num_training_batches
    return ends_step and not validates_by_time(trainer)
