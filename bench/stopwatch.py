"""Times the optimizer steps of a trainer, and knows how much memory its process took at most."""

from __future__ import annotations

import resource
import time
from dataclasses import dataclass, field

WARM_UP = 3
"""Steps before the clock starts: they allocate memory and compile kernels."""


@dataclass
class Stopwatch:
    """Told of each step's rows; gives rows per second over the steps after the warm-up."""

    rows: list[int] = field(default_factory=list)
    times: list[float] = field(default_factory=list)

    def step(self, rows: int) -> None:
        """Note that an optimizer step on so many rows is done."""
        self.times.append(time.perf_counter())
        self.rows.append(rows)

    def result(self, loss: float) -> dict[str, float]:
        """Return rows per second, the peak of the process's resident memory in MB, and the loss given."""
        seconds = self.times[-1] - self.times[WARM_UP - 1]
        return {
            "rows_per_second": sum(self.rows[WARM_UP:]) / seconds,
            "seconds": seconds,
            "steps": len(self.times) - WARM_UP,
            "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            "held_out_loss": loss,
        }
