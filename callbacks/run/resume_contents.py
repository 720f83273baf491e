"""What Lightning's checkpoints leave out, written into each of them and put back when a run goes on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from lightning.pytorch import Trainer
from lightning.pytorch.trainer.states import TrainerFn

from callbacks.loggers.metrics_csv import MetricsCSV
from callbacks.run.rank_agreement import gather
from callbacks.run.resume_state import Moment, rng_state, set_rng_state, settle_loops

STATE_KEY = "resume"
"""Where every checkpoint keeps what Lightning leaves out."""


class ResumeContents:
    """Each rank's random numbers, the rows of metrics.csv, and before what the checkpoint was written.

    Lightning calls back for what a checkpoint is to hold, and reads one long before training begins; what has to outlast
    these calls is kept here.
    """

    def __init__(self) -> None:
        self._moment: Moment | None = None
        self._restored: dict[str, Any] | None = None

    @contextmanager
    def before(self, moment: Moment) -> Iterator[None]:
        """Let checkpoints that are written in it tell that they are from right before something."""
        self._moment = moment
        try:
            yield
        finally:
            self._moment = None

    def add_to(self, checkpoint: dict[str, Any], trainer: Trainer, device: torch.device) -> None:
        """Add to a checkpoint what Lightning leaves out. All ranks call it together.

        Args:
            checkpoint: With Lightning's loops, which are settled.
            trainer: The trainer; its metrics.csv is saved, so that the rows that count are in the file.
            device: Whose random numbers to add to those of the CPU.
        """
        tables = find_tables(trainer)
        for table in tables:
            table.save()
        checkpoint[STATE_KEY] = {
            "rng": gather(trainer, rng_state(device)),
            "rows": tables[0].rows if tables and trainer.is_global_zero else 0,
            "moment": self._moment,
        }
        if self._moment is not None:
            settle_loops(checkpoint["loops"]["fit_loop"], self._moment)

    def take_from(self, checkpoint: dict[str, Any], trainer: Trainer) -> None:
        """Keep what a fit goes on with until training begins; drop from metrics.csv what was logged after the checkpoint."""
        if trainer.state.fn != TrainerFn.FITTING or STATE_KEY not in checkpoint:
            return
        self._restored = checkpoint[STATE_KEY]
        if trainer.is_global_zero:
            for table in find_tables(trainer):
                table.keep(self._restored["rows"])

    def put_back(self, trainer: Trainer, device: torch.device) -> None:
        """Put back the random numbers, once everything is built that draws some; once only."""
        if self._restored is None:
            return
        states = self._restored["rng"]
        if trainer.global_rank < len(states):
            set_rng_state(states[trainer.global_rank], device)
        if self._restored["moment"] == "epoch":
            # Lightning takes any run that counts in steps for one that stopped within an epoch.
            trainer.fit_loop.epoch_loop.restarting = False
        self._restored = None


def find_tables(trainer: Trainer) -> list[MetricsCSV]:
    """Return the loggers of a run that write metrics.csv."""
    return [logger for logger in trainer.loggers if isinstance(logger, MetricsCSV)]
