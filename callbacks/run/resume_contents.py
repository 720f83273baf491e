"""Add to checkpoints what Lightning leaves out, and restore it when a run resumes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from lightning.pytorch import Trainer
from lightning.pytorch.trainer.states import TrainerFn

from callbacks.lightning_private import is_epoch_cut, validation_is_due
from callbacks.loggers.metrics_csv import MetricsCSV
from callbacks.run.rank_agreement import gather
from callbacks.run.resume_state import Moment, rng_state, set_rng_state, settle_loops

STATE_KEY = "resume"
"""Checkpoint key of the contents that Lightning leaves out."""


class ResumeContents:
    """Each rank's random number states, the number of metrics.csv rows, and the moment of the checkpoint.

    Lightning collects a checkpoint's contents by callback hooks and reads a checkpoint long before training begins. This
    class keeps the values between those calls.
    """

    def __init__(self) -> None:
        self._moment: Moment | None = None
        self._restored: dict[str, Any] | None = None

    @contextmanager
    def before(self, moment: Moment) -> Iterator[None]:
        """Mark checkpoints that are written in this context as written right before `moment`."""
        self._moment = moment
        try:
            yield
        finally:
            self._moment = None

    def add_to(self, checkpoint: dict[str, Any], trainer: Trainer, device: torch.device) -> None:
        """Add the resume state to a checkpoint. All ranks call it together.

        Args:
            checkpoint: A checkpoint with Lightning's loops; `settle_loops` changes them in place.
            trainer: The trainer; its metrics.csv is saved first, so that the file holds all counted rows.
            device: The device whose random number state is added to the CPU's.
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
        elif is_epoch_cut(trainer):  # another callback's checkpoint at the end of a run within an epoch
            moment: Moment = "validated" if validation_is_due(trainer) else "batch"
            settle_loops(checkpoint["loops"]["fit_loop"], moment)

    def take_from(self, checkpoint: dict[str, Any], trainer: Trainer) -> None:
        """Keep a fit's resume state until training begins; drop rows logged after the checkpoint from metrics.csv."""
        if trainer.state.fn != TrainerFn.FITTING or STATE_KEY not in checkpoint:
            return
        self._restored = checkpoint[STATE_KEY]
        if trainer.is_global_zero:
            for table in find_tables(trainer):
                table.keep(self._restored["rows"])

    def put_back(self, trainer: Trainer, device: torch.device) -> None:
        """Restore the random number states once, after everything that draws random numbers is built."""
        if self._restored is None:
            return
        states = self._restored["rng"]
        if trainer.global_rank < len(states):
            set_rng_state(states[trainer.global_rank], device)
        if self._restored["moment"] == "epoch":
            # Lightning assumes that any run that counts steps stopped within an epoch.
            trainer.fit_loop.epoch_loop.restarting = False
        self._restored = None


def find_tables(trainer: Trainer) -> list[MetricsCSV]:
    """Return a run's loggers that write metrics.csv."""
    return [logger for logger in trainer.loggers if isinstance(logger, MetricsCSV)]
