"""Time whole epochs of a trainer after the first, and the peak memory of its process.

Imports only the standard library, since litgpt's environment, which lacks other packages, uses it, too.
"""

from __future__ import annotations

import os
import resource
import socket
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

TIMED = 5
"""Epochs that are timed, each as a whole."""
EPOCHS = 1 + TIMED
"""Passes over the rows; the first allocates memory and compiles kernels."""
LEAST_STEPS = 2
"""An epoch of fewer steps is not a measurement."""
TURNS = "PATOIS_BENCH_TURNS"
"""Environment variable with the path of the socket that gives turns (`bench.speed.interleave`)."""


def check_rows(rows: int, batch_size: int, least: int = LEAST_STEPS) -> None:
    """Check, before training, that a table gives whole steps and at least `least` of them.

    Raises:
        ValueError: If it does not.
    """
    if rows % batch_size or rows < least * batch_size:
        raise ValueError(
            f"Expected --rows to be a multiple of --batch-size {batch_size}, at least {least} times it, "
            f"but got {rows}."
        )


@dataclass
class Stopwatch:
    """Receives the start of each epoch and the rows of each step; returns rows per second over epochs.

    Work between two epochs, such as writing a checkpoint, is not timed; fetching the first batch is.
    """

    rows: int
    """Rows of the table; each must come once per epoch."""
    begun: list[float] = field(default_factory=list)
    """Start time of each epoch."""
    times: list[list[float]] = field(default_factory=list)
    """End time of each step, by epoch."""
    counts: list[list[int]] = field(default_factory=list)
    """Rows of each step, by epoch."""
    peak_mb: float = 0.0
    """Peak resident memory of this process up to the last step, in MB."""
    turns: socket.socket | None = None
    """The socket for turns, once connected."""
    wait: Callable[[], object] = lambda: None
    """Waits until the device has done what it was told: a GPU is still at work when a step's call returns."""
    device_peak: Callable[[], float] | None = None
    """Returns the peak of the device's memory in MB; None: it has no memory of its own."""

    def begin_epoch(self) -> None:
        """Wait for a turn, if turns are given, and note that an epoch begins."""
        self._wait_for_turn()
        self.wait()
        self.begun.append(time.perf_counter())
        self.times.append([])
        self.counts.append([])

    def _wait_for_turn(self) -> None:
        """Ask for a turn. The next request, or the end of the process, ends the turn."""
        path = os.environ.get(TURNS)
        if path is None:
            return
        if self.turns is None:
            self.turns = socket.socket(socket.AF_UNIX)
            self.turns.connect(path)
        self.turns.sendall(b"?")
        if not self.turns.recv(1):
            raise RuntimeError("Expected a turn, but the process that gives turns has ended.")

    def step(self, rows: int) -> None:
        """Note that an optimizer step on `rows` rows is done; wait for the device at the end of an epoch only."""
        self.counts[-1].append(rows)
        if sum(self.counts[-1]) >= self.rows:
            self.wait()
        self.times[-1].append(time.perf_counter())
        self.peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

    def result(self, loss: float) -> dict[str, Any]:
        """Return seconds and rows per second (medians of the timed epochs), the peak resident memory in MB, and the loss.

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
            **({} if self.device_peak is None else {"device_peak_mb": self.device_peak()}),
        }
