"""One line that moves while a run works, on a terminal only; it is gone when the work is done."""

from __future__ import annotations

import math
import sys
import time
from typing import Any

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import ProgressBar
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from callbacks.loggers.terminal import is_quiet

_SECONDS = 0.2  # between two drawings: reading the loss waits for the device


class ProgressLine(ProgressBar):
    """Shows on standard error what is done of an epoch or an evaluation, if that is a terminal.

    What is printed meanwhile stands above the line. Nothing of it remains, and nothing of it comes into a file.
    """

    def __init__(self) -> None:
        super().__init__()
        self._enabled = True
        self._progress: Progress | None = None
        self._task = TaskID(0)
        self._done, self._drawn_at = 0, 0.0

    def enable(self) -> None:
        """Show the line from now on."""
        self._enabled = True

    def disable(self) -> None:
        """Show nothing from now on."""
        self._enabled = False
        self._stop()

    def _start(self, words: str, total: float, done: int = 0) -> None:
        """Begin a line in place of the present one."""
        self._stop()
        if not self._enabled or is_quiet() or not sys.stderr.isatty():
            return
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=20),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[loss]}"),
            # Soft: what is printed above the line keeps its own line breaks.
            console=Console(stderr=True, soft_wrap=True),
            auto_refresh=False,  # a thread would take processor time from training
            transient=True,
            # Only a terminal: redirected text would go to the terminal and not into its file.
            redirect_stdout=sys.stdout.isatty(),
            redirect_stderr=True,
        )
        known = None if math.isinf(total) else int(total)
        self._task = self._progress.add_task(words, total=known, completed=done, loss="")
        self._done, self._drawn_at = done, 0.0
        self._progress.start()

    def _advance(self, trainer: Trainer, done: int | None = None) -> None:
        """Count a batch, and draw the line if the last drawing is old enough."""
        self._done = self._done + 1 if done is None else done
        if self._progress is None or time.monotonic() - self._drawn_at < _SECONDS:
            return
        loss = trainer.progress_bar_metrics.get("train/loss") if done is not None else None
        shown = "" if loss is None else f"loss {loss:.3f}"
        self._progress.update(self._task, completed=self._done, loss=shown)
        self._progress.refresh()
        self._drawn_at = time.monotonic()

    def _stop(self) -> None:
        if self._progress is not None:
            self._progress.stop()
            self._progress = None

    def _train(self, trainer: Trainer, done: int) -> None:
        epochs = f"/{trainer.max_epochs}" if trainer.max_epochs and trainer.max_epochs > 0 else ""
        self._start(f"epoch {trainer.current_epoch + 1}{epochs}", self.total_train_batches, done)

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Begin the epoch's line, or go on where a checkpoint stands."""
        done = (
            trainer.fit_loop.epoch_loop.batch_progress.current.ready
        )  # still the last epoch's where that ended
        self._train(trainer, done if done < self.total_train_batches else 0)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Count the batch."""
        self._advance(trainer, batch_idx + 1)

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Begin the line of an evaluation."""
        batches = trainer.num_sanity_val_batches if trainer.sanity_checking else trainer.num_val_batches
        self._start("validation", _sum(batches))

    def on_validation_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Count the batch."""
        self._advance(trainer)

    on_test_batch_end = on_predict_batch_end = on_validation_batch_end

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """End the line; within an epoch, its line comes back."""
        self._stop()
        if trainer.training and not trainer.fit_loop.epoch_loop.batch_progress.is_last_batch:
            self._train(trainer, trainer.fit_loop.epoch_loop.batch_progress.current.ready)

    def on_test_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Begin the line of the test."""
        self._start("test", _sum(trainer.num_test_batches))

    def on_predict_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Begin the line of the prediction."""
        self._start("predict", _sum(trainer.num_predict_batches))

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """End the line."""
        self._stop()

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """End the line, so that the error begins a line of its own."""
        self._stop()

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """End the line."""
        self._stop()


def _sum(batches: Any) -> float:
    """Return the number of batches of all data loaders."""
    return float(sum(batches)) if isinstance(batches, list) else float(batches)
