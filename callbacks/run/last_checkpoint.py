"""last.ckpt: from it a run goes on, bit by bit, as if it had never stopped."""

from __future__ import annotations

import os
import signal
import socket
import time
from pathlib import Path
from typing import Any, NoReturn

import torch
from lightning.fabric.plugins.environments import LightningEnvironment, SLURMEnvironment
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.trainer.states import TrainerFn
from rich.console import Console

from callbacks.lightning_private import end_restart, find_environment, validates_by_time
from callbacks.loggers.metrics_csv import MetricsCSV
from callbacks.run.resume_state import Moment, gather, rng_state, set_rng_state, settle_loops
from callbacks.run.run_facts import from_here, is_trial, run_folder
from callbacks.run.stop_signals import Stopped, StopSignals, exit_soon, requeue_slurm_job

STATE_KEY = "resume"
"""Where every checkpoint keeps what Lightning leaves out."""
LARGEST_SHARE = 0.02
"""Most of the time that the checkpoints in between may take."""

_REQUEUE = 64
"""Stands for SIGUSR1 between ranks: above all signals' numbers."""


class LastCheckpoint(Callback):
    """Writes `checkpoints/last.ckpt` in between, before each validation, after each epoch, and when told to stop.

    It is written before something, with nothing half done: a batch that begins an optimizer step, a validation, an epoch.
    Then all that was logged before is in the loggers, and nothing of what comes. It must be the first callback, so that
    it comes before those that log at the same time.

    On SIGTERM and SIGINT all ranks finish their step, write it, and end with status 143 or 130. While they validate, or
    test, or predict, they end at once, as last.ckpt is from just before. In a SLURM job the signal before the time limit
    (SIGUSR1 by default) does the same and queues the job again.

    Args:
        minutes: How often to write it within an epoch. It is written less often if that took over 2 % of the time.
    """

    def __init__(self, minutes: float = 5.0) -> None:
        if not minutes >= 0:
            raise ValueError(f"Expected --checkpoint.minutes to be at least 0, but got {minutes}.")
        self.minutes = minutes
        self._trainer: Trainer | None = None
        self._signals = StopSignals(self._stop)
        self._peers: list[int] = []
        self._moment: Moment | None = None
        self._restored: dict[str, Any] | None = None
        # Nothing has been trained that last.ckpt does not hold; nothing has begun since an epoch ended.
        self._up_to_date = self._between_epochs = True
        self._written, self._seconds = time.monotonic(), 0.0

    # What is in it

    def on_save_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Add each rank's random numbers and how many rows of metrics.csv belong to it."""
        tables = [logger for logger in trainer.loggers if isinstance(logger, MetricsCSV)]
        for table in tables:
            table.save()
        checkpoint[STATE_KEY] = {
            "rng": gather(trainer, rng_state(pl_module.device)),
            "rows": tables[0].rows if tables and trainer.is_global_zero else 0,
            "moment": self._moment,
        }
        if self._moment is not None:
            settle_loops(checkpoint["loops"]["fit_loop"], self._moment)

    def on_load_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Keep it until training begins; drop from metrics.csv what was logged after the checkpoint."""
        if trainer.state.fn != TrainerFn.FITTING or STATE_KEY not in checkpoint:
            return
        self._restored = checkpoint[STATE_KEY]
        for table in trainer.loggers:
            if isinstance(table, MetricsCSV) and trainer.is_global_zero:
                table.keep(self._restored["rows"])

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Put back the random numbers, now that everything is built that draws some."""
        self._listen(trainer)
        self._written = time.monotonic()
        if self._restored is None:
            return
        states = self._restored["rng"]
        if trainer.global_rank < len(states):
            set_rng_state(states[trainer.global_rank], pl_module.device)
        if self._restored["moment"] == "epoch":
            # Lightning takes any run that counts in steps for one that stopped within an epoch.
            trainer.fit_loop.epoch_loop.restarting = False
        self._restored = None

    # When it is written

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write what the epoch before has come to, the choice of the best weights included."""
        self._end_epoch(trainer)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write what training has come to."""
        self._end_epoch(trainer)

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Write it if the time has come, or stop, where an optimizer step begins."""
        if batch_idx % trainer.accumulate_grad_batches == 0:
            self._signals.immediate = False
            signum, due = self._agree(trainer)
            if (signum or due) and not self._up_to_date:
                self._write(trainer, "batch")
            if signum:
                self._stop(signum)
        self._up_to_date = self._between_epochs = False

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write it, so that nothing is lost whatever happens in a validation."""
        if trainer.state.fn != TrainerFn.FITTING:
            self._listen(trainer)
        if trainer.state.fn != TrainerFn.FITTING or trainer.sanity_checking or is_trial(trainer):
            return
        step_ends = (trainer.fit_loop.batch_idx + 1) % trainer.accumulate_grad_batches == 0
        if validates_by_time(trainer) or not (
            step_ends or trainer.fit_loop.batch_idx + 1 == trainer.num_training_batches
        ):
            return  # Lightning could not go on from here; the next step is soon enough
        self._between_epochs = False
        if not self._up_to_date:
            self._write(trainer, "validation")
        signum, _ = self._agree(trainer)
        if signum:
            self._stop(signum)
        self._stop_at_once()

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Let a scheduler that watches a metric see that of an epoch that was gone on with; Lightning would leave it out."""
        end_restart(trainer)

    def _end_epoch(self, trainer: Trainer) -> None:
        if not self._between_epochs and not is_trial(trainer):
            self._signals.immediate = False
            self._write(trainer, "epoch")
            self._between_epochs = True
        self._stop_at_once()

    def _write(self, trainer: Trainer, moment: Moment) -> None:
        """Write last.ckpt. All ranks call it together."""
        begun = time.monotonic()
        self._moment = moment
        try:
            trainer.save_checkpoint(run_folder(trainer) / "checkpoints" / "last.ckpt", weights_only=False)
        finally:
            self._moment = None
        self._written = time.monotonic()
        self._seconds = self._written - begun
        self._up_to_date = True

    def _is_due(self) -> bool:
        pause = max(60 * self.minutes, self._seconds / LARGEST_SHARE)
        return time.monotonic() - self._written >= pause

    def _agree(self, trainer: Trainer) -> tuple[int, bool]:
        """Return, the same on all ranks, the signal that any of them got, and whether it is time by rank 0's clock."""
        due = trainer.is_global_zero and not is_trial(trainer) and self._is_due()
        if trainer.world_size == 1:
            return self._signals.received, due
        # A requeue wins over the SIGTERM that SLURM may send right behind it: another rank can have got that one first.
        number = _REQUEUE if self._signals.received == signal.SIGUSR1 else self._signals.received
        both = torch.tensor(2 * number + due, device=trainer.strategy.root_device)
        agreed = int(trainer.strategy.reduce(both, reduce_op="max"))
        number = agreed >> 1
        return signal.SIGUSR1 if number == _REQUEUE else number, bool(agreed & 1)

    # Stopping

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Get to know the other ranks of this machine, and listen."""
        ranks = gather(trainer, (socket.gethostname(), os.getpid()))
        host, own = ranks[trainer.global_rank]
        self._peers = [pid for name, pid in ranks if name == host and pid != own]
        self._listen(trainer)

    def on_test_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Take the signals from Lightning, which has set its own handler since `setup`."""
        self._listen(trainer)

    def on_predict_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Take the signals from Lightning, which has set its own handler since `setup`."""
        self._listen(trainer)

    def on_validation_batch_end(self, trainer: Trainer, pl_module: LightningModule, *_: Any) -> None:
        """Stop if the handler's exception got lost, as it does in a destructor."""
        self._stop_if_told()

    def on_test_batch_end(self, trainer: Trainer, pl_module: LightningModule, *_: Any) -> None:
        """Stop if the handler's exception got lost, as it does in a destructor."""
        self._stop_if_told()

    def on_predict_batch_end(self, trainer: Trainer, pl_module: LightningModule, *_: Any) -> None:
        """Stop if the handler's exception got lost, as it does in a destructor."""
        self._stop_if_told()

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Stop, if it only failed because another rank has stopped already."""
        if not isinstance(exception, Stopped):
            self._stop_if_told()
        self._signals.restore()

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Leave the signals alone again."""
        self._signals.restore()

    def _listen(self, trainer: Trainer) -> None:
        self._trainer = trainer
        signum = self._requeue_signal(trainer)
        self._signals.install(self._peers, [] if signum is None else [signum])

    def _stop_at_once(self) -> None:
        self._signals.immediate = True
        self._stop_if_told()

    def _stop_if_told(self) -> None:
        if self._signals.received and self._signals.immediate:
            self._stop(self._signals.received)

    def _stop(self, signum: int) -> NoReturn:
        """Say so, queue a SLURM job again, and end this rank. last.ckpt holds all that was trained."""
        trainer = self._trainer
        assert trainer is not None
        self._signals.received = signum
        # Lightning kills the run's own process as soon as one that it started ends otherwise than well.
        child = isinstance(find_environment(trainer), LightningEnvironment) and trainer.local_rank > 0
        code = 0 if child else 128 + signum
        exit_soon(code)
        if trainer.is_global_zero:
            text = f"Stopped by {signal.Signals(signum).name}"
            path = run_folder(trainer) / "checkpoints" / "last.ckpt"
            if trainer.state.fn == TrainerFn.FITTING and path.is_file():
                path = from_here(Path(path))
                text += (
                    f" after step {trainer.global_step}; go on with: python train.py fit --ckpt_path {path}"
                )
            if signum == self._requeue_signal(trainer):
                text += f" ({requeue_slurm_job()})"
            Console(stderr=True).print(text, markup=False, soft_wrap=True)
        raise Stopped(code)

    @staticmethod
    def _requeue_signal(trainer: Trainer) -> int | None:
        """Return the signal that a SLURM job is to be queued again at, if this is one."""
        environment = find_environment(trainer)
        if isinstance(environment, SLURMEnvironment) and environment.auto_requeue:
            return int(environment.requeue_signal or signal.SIGUSR1)
        return None
