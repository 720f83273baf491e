"""Times whole epochs of a trainer after the first, and knows how much memory its process took at most.

Imports only the standard library: litgpt's environment, which has not the rest, uses it, too.
"""

from __future__ import annotations

import os
import resource
import socket
import statistics
import time
from dataclasses import dataclass, field
from typing import Any

TIMED = 5
"""Epochs that are timed whole, each on its own."""
EPOCHS = 1 + TIMED
"""Passes over the rows; the first allocates memory and compiles kernels."""
LEAST_STEPS = 2
"""An epoch of fewer is no measurement."""
TURNS = "PATOIS_BENCH_TURNS"
"""The variable that names the socket of who gives turns (`bench.speed.interleave`)."""


def check_rows(rows: int, batch_size: int, least: int = LEAST_STEPS) -> None:
    """Refuse, before anything is trained, a table that makes no whole steps or fewer than the least.

    Raises:
        ValueError: With the flag, what was expected and what came.
    """
    if rows % batch_size or rows < least * batch_size:
        raise ValueError(
            f"Expected --rows to be a multiple of --batch-size {batch_size}, at least {least} times it, "
            f"but got {rows}."
        )


@dataclass
class Stopwatch:
    """Told when an epoch begins and of each step's rows; gives rows per second over epochs, each from its begin.

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
    turns: socket.socket | None = None
    """Where to ask for a turn, once that was done."""

    def begin_epoch(self) -> None:
        """Wait for a turn, if somebody gives turns, and note that an epoch begins."""
        self._wait_for_turn()
        self.begun.append(time.perf_counter())
        self.times.append([])
        self.counts.append([])

    def _wait_for_turn(self) -> None:
        """Ask; asking again, or the end of the process, gives the turn back."""
        path = os.environ.get(TURNS)
        if path is None:
            return
        if self.turns is None:
            self.turns = socket.socket(socket.AF_UNIX)
            self.turns.connect(path)
        self.turns.sendall(b"?")
        if not self.turns.recv(1):
            raise RuntimeError("Expected a turn, but who gave turns has ended.")

    def step(self, rows: int) -> None:
        """Note that an optimizer step on so many rows is done."""
        self.times[-1].append(time.perf_counter())
        self.counts[-1].append(rows)
        self.peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

    def result(self, loss: float) -> dict[str, Any]:
        """Return seconds and rows per second (medians of the timed epochs), the peak of resident memory in MB, and the loss.

        Raises:
            RuntimeError: If the epochs were not `EPOCHS` passes over all rows.
        """
        seen = [sum(counts) for counts in self.counts]
        if seen != [self.rows] * EPOCHS:
            raise RuntimeError(
                f"Expected {EPOCHS} epochs of {self.rows} rows each, but the trainer's steps had {seen} rows an epoch."
            )
        epochs = [times[-1] - begun for begun, times in zip(self.begun, self.times, strict=True)][1:]
        seconds = statistics.median(epochs)
        return {
            "rows_per_second": self.rows / seconds,
            "seconds": seconds,
            "epoch_seconds": epochs,
            "steps": len(self.times[-1]),
            "peak_mb": self.peak_mb,
            "held_out_loss": loss,
        }
