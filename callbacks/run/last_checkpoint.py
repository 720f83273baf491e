"""Write last.ckpt, from which a run resumes, bit by bit, as if it had never stopped."""

from __future__ import annotations

from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.trainer.states import TrainerFn

from callbacks.lightning_private import end_restart, is_epoch_cut, validation_is_due
from callbacks.run.rank_agreement import agree
from callbacks.run.resume_contents import ResumeContents
from callbacks.run.resume_state import Moment
from callbacks.run.run_facts import is_trial, last_checkpoint_file
from callbacks.run.run_stopper import RunStopper
from callbacks.run.stop_signals import Stopped
from callbacks.run.write_timing import WriteTiming, may_resume_validation


class LastCheckpoint(Callback):
    """Writes `checkpoints/last.ckpt` at intervals, before each validation, after each epoch, and on a stop signal.

    It is written only between steps: before a batch that starts an optimizer step, before a validation, or before an
    epoch. The loggers then hold everything logged before that moment and nothing after it. This must be the first
    callback, so that it runs before callbacks that log in the same hook.

    On SIGTERM and SIGINT, all ranks finish their step, write last.ckpt, and end with status 143 or 130. In validation,
    test and prediction they end at once; last.ckpt is from just before the validation. In a SLURM job, the signal before
    the time limit (SIGUSR1 by default) does the same and requeues the job.

    Args:
        minutes: Minutes between writes within an epoch; longer if writing would take over 2 % of the time.
    """

    def __init__(self, minutes: float = 5.0) -> None:
        if not minutes >= 0:
            raise ValueError(f"Expected --checkpoint.minutes to be at least 0, but got {minutes}.")
        self.writes = True
        """Whether last.ckpt is written: not with `--trainer.enable_checkpointing false`."""
        self.contents = ResumeContents()
        self.timing = WriteTiming(minutes)
        self.stopper = RunStopper()

    def write(self, trainer: Trainer, moment: Moment) -> None:
        """Write last.ckpt, unless the run has no checkpoints. All ranks call it together."""
        if not self.writes:
            return
        with self.timing.writing(), self.contents.before(moment):
            trainer.save_checkpoint(last_checkpoint_file(trainer), weights_only=False)

    # The contents of every checkpoint, also of other callbacks' checkpoints

    def on_save_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Add each rank's random number states and the number of metrics.csv rows up to this checkpoint."""
        self.contents.add_to(checkpoint, trainer, pl_module.device)

    def on_load_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Keep the resume state until training begins; drop later rows from metrics.csv.

        Raises:
            ValueError: If the run is already past `--trainer.max_epochs`.
        """
        epoch, most = checkpoint["epoch"], trainer.max_epochs
        if trainer.state.fn == TrainerFn.FITTING and most not in (None, -1) and epoch > most:
            raise ValueError(
                f"Expected --trainer.max_epochs to be at least {epoch}, the epoch of the checkpoint, but got {most}. Raise it to "
                "go on with this run."
            )
        self.contents.take_from(checkpoint, trainer)

    # Fit, from beginning to end

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Find the other ranks on this machine, and handle the stop signals."""
        self.stopper.meet(trainer)

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Restore the random number states, now that everything that draws random numbers is built."""
        self.stopper.listen(trainer)
        self.timing.begin()
        self.contents.put_back(trainer, pl_module.device)

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write the result of the previous epoch, including its choice of the best weights."""
        self._end_epoch(trainer)

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """At the start of an optimizer step, write last.ckpt if it is due or a signal came; stop at a signal."""
        if batch_idx % trainer.accumulate_grad_batches == 0:
            self.stopper.wait_for_save()
            agreed = agree(trainer, self.stopper.received, self.timing.is_due() and not is_trial(trainer))
            if (agreed.signum or agreed.due) and not self.timing.up_to_date:
                self.write(trainer, "batch")
            if agreed.signum:
                self.stopper.stop(trainer, agreed.signum)
        self.timing.begin_batch()

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write last.ckpt, so that no failure in a validation loses training."""
        if trainer.state.fn != TrainerFn.FITTING:
            self.stopper.listen(trainer)
            return
        if trainer.sanity_checking or is_trial(trainer) or not may_resume_validation(trainer):
            return
        self.timing.between_epochs = trainer.should_stop and not validation_is_due(trainer)
        if self.timing.between_epochs:
            self.write(trainer, "stop")
        elif not self.timing.up_to_date:
            self.write(trainer, "validation")
        agreed = agree(trainer, self.stopper.received, due=False)
        if agreed.signum:
            self.stopper.stop(trainer, agreed.signum)
        self.stopper.stop_at_once()

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write last.ckpt if the run ends within the epoch, before other callbacks end it.

        A metric-based scheduler steps in a resumed epoch, too; Lightning would skip it.
        """
        end_restart(trainer)
        if is_epoch_cut(trainer):
            self._write_end(trainer, "validated" if validation_is_due(trainer) else "batch")

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write the final state of training."""
        self._end_epoch(trainer)

    def _end_epoch(self, trainer: Trainer) -> None:
        self._write_end(trainer, "epoch")
        self.stopper.stop_at_once()

    def _write_end(self, trainer: Trainer, moment: Moment) -> None:
        if not self.timing.between_epochs and not is_trial(trainer):
            self.stopper.wait_for_save()
            self.write(trainer, moment)
            self.timing.between_epochs = True

    # Stages without anything to save

    def on_test_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Handle the signals again: Lightning has replaced the handler since `setup`."""
        self.stopper.listen(trainer)

    def on_predict_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Handle the signals again: Lightning has replaced the handler since `setup`."""
        self.stopper.listen(trainer)

    def on_validation_batch_end(self, trainer: Trainer, pl_module: LightningModule, *_: Any) -> None:
        """Stop if the handler's exception was lost, as happens in a destructor."""
        self.stopper.stop_if_told()

    def on_test_batch_end(self, trainer: Trainer, pl_module: LightningModule, *_: Any) -> None:
        """Stop if the handler's exception was lost, as happens in a destructor."""
        self.stopper.stop_if_told()

    def on_predict_batch_end(self, trainer: Trainer, pl_module: LightningModule, *_: Any) -> None:
        """Stop if the handler's exception was lost, as happens in a destructor."""
        self.stopper.stop_if_told()

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Stop if the error only arose because another rank has already stopped."""
        if not isinstance(exception, Stopped):
            self.stopper.stop_if_told()
        self.stopper.let_go()

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Restore the previous signal handlers."""
        self.stopper.let_go()
