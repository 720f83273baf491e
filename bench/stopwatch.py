"""Times one whole epoch of a trainer, the second, and knows how much memory its process took at most.

Imports only the standard library: litgpt's environment, which has not the rest, uses it, too.
"""

from __future__ import annotations

import resource
import time
from dataclasses import dataclass, field

EPOCHS = 2
"""Passes over the rows: the first allocates memory and compiles kernels, the second is timed whole."""
LEAST_STEPS = 2
"""An epoch of fewer is no measurement."""


def check_rows(rows: int, batch_size: int) -> None:
    """Refuse, before anything is trained, a table that makes no whole steps or too few.

    Raises:
        ValueError: With the flag, what was expected and what came.
    """
    if rows % batch_size or rows < LEAST_STEPS * batch_size:
        raise ValueError(
            f"Expected --rows to be a multiple of --batch-size {batch_size}, at least {LEAST_STEPS} times it, "
            f"but got {rows}."
        )


@dataclass
class Stopwatch:
    """Told when an epoch begins and of each step's rows; gives rows per second over the second epoch, from its begin.

    What a trainer does between two epochs, such as writing a checkpoint, is not timed; fetching the first batch is.
    """

    rows: int
    """Rows of the table, of which each must come once an epoch."""
    begun: list[float] = field(default_factory=list)
    """When each epoch began."""
    times: list[list[float]] = field(default_factory=list)
    """When each of an epoch's steps was done."""
    counts: list[list[int]] = field(default_factory=list)
    """How many rows each of an epoch's steps had."""
    peak_mb: float = 0.0
    """The most resident memory of this process until the last step."""

    def begin_epoch(self) -> None:
        """Note that an epoch begins."""
        self.begun.append(time.perf_counter())
        self.times.append([])
        self.counts.append([])

    def step(self, rows: int) -> None:
        """Note that an optimizer step on so many rows is done."""
        self.times[-1].append(time.perf_counter())
        self.counts[-1].append(rows)
        self.peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

    def result(self, loss: float) -> dict[str, float]:
        """Return rows per second, the peak of the process's resident memory in MB, and the loss given.

        Raises:
            RuntimeError: If the epochs were not `EPOCHS` passes over all rows.
        """
        seen = [sum(counts) for counts in self.counts]
        if seen != [self.rows] * EPOCHS:
            raise RuntimeError(
                f"Expected {EPOCHS} epochs of {self.rows} rows each, but the trainer's steps had {seen} rows an epoch."
            )
        seconds = self.times[-1][-1] - self.begun[-1]
        return {
            "rows_per_second": self.rows / seconds,
            "seconds": seconds,
            "steps": len(self.times[-1]),
            "peak_mb": self.peak_mb,
            "held_out_loss": loss,
        }
