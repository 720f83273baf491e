"""last.ckpt: from it a run goes on, bit by bit, as if it had never stopped."""

from __future__ import annotations

from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.trainer.states import TrainerFn

from callbacks.lightning_private import end_restart
from callbacks.run.rank_agreement import agree
from callbacks.run.resume_contents import ResumeContents
from callbacks.run.resume_state import Moment
from callbacks.run.run_facts import is_trial, last_checkpoint_file
from callbacks.run.run_stopper import RunStopper
from callbacks.run.stop_signals import Stopped
from callbacks.run.write_timing import WriteTiming, may_resume_validation


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
        self.contents = ResumeContents()
        self.timing = WriteTiming(minutes)
        self.stopper = RunStopper()

    def write(self, trainer: Trainer, moment: Moment) -> None:
        """Write last.ckpt. All ranks call it together."""
        with self.timing.writing(), self.contents.before(moment):
            trainer.save_checkpoint(last_checkpoint_file(trainer), weights_only=False)

    # What is in a checkpoint, whoever writes it

    def on_save_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Add each rank's random numbers and how many rows of metrics.csv belong to it."""
        self.contents.add_to(checkpoint, trainer, pl_module.device)

    def on_load_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Keep it until training begins; drop from metrics.csv what was logged after the checkpoint."""
        self.contents.take_from(checkpoint, trainer)

    # A run, from its beginning to its end

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Get to know the other ranks of this machine, and listen."""
        self.stopper.meet(trainer)

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Put back the random numbers, now that everything is built that draws some."""
        self.stopper.listen(trainer)
        self.timing.begin()
        self.contents.put_back(trainer, pl_module.device)

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write what the epoch before has come to, the choice of the best weights included."""
        self._end_epoch(trainer)

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Write it if the time has come, or stop, where an optimizer step begins."""
        if batch_idx % trainer.accumulate_grad_batches == 0:
            self.stopper.wait_for_save()
            agreed = agree(trainer, self.stopper.received, self.timing.is_due() and not is_trial(trainer))
            if (agreed.signum or agreed.due) and not self.timing.up_to_date:
                self.write(trainer, "batch")
            if agreed.signum:
                self.stopper.stop(trainer, agreed.signum)
        self.timing.begin_batch()

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write it, so that nothing is lost whatever happens in a validation."""
        if trainer.state.fn != TrainerFn.FITTING:
            self.stopper.listen(trainer)
            return
        if trainer.sanity_checking or is_trial(trainer) or not may_resume_validation(trainer):
            return
        self.timing.between_epochs = False
        if not self.timing.up_to_date:
            self.write(trainer, "validation")
        agreed = agree(trainer, self.stopper.received, due=False)
        if agreed.signum:
            self.stopper.stop(trainer, agreed.signum)
        self.stopper.stop_at_once()

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Let a scheduler that watches a metric see that of an epoch that was gone on with; Lightning would leave it out."""
        end_restart(trainer)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write what training has come to."""
        self._end_epoch(trainer)

    def _end_epoch(self, trainer: Trainer) -> None:
        if not self.timing.between_epochs and not is_trial(trainer):
            self.stopper.wait_for_save()
            self.write(trainer, "epoch")
            self.timing.between_epochs = True
        self.stopper.stop_at_once()

    # Stages in which there is nothing to save

    def on_test_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Take the signals from Lightning, which has set its own handler since `setup`."""
        self.stopper.listen(trainer)

    def on_predict_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Take the signals from Lightning, which has set its own handler since `setup`."""
        self.stopper.listen(trainer)

    def on_validation_batch_end(self, trainer: Trainer, pl_module: LightningModule, *_: Any) -> None:
        """Stop if the handler's exception got lost, as it does in a destructor."""
        self.stopper.stop_if_told()

    def on_test_batch_end(self, trainer: Trainer, pl_module: LightningModule, *_: Any) -> None:
        """Stop if the handler's exception got lost, as it does in a destructor."""
        self.stopper.stop_if_told()

    def on_predict_batch_end(self, trainer: Trainer, pl_module: LightningModule, *_: Any) -> None:
        """Stop if the handler's exception got lost, as it does in a destructor."""
        self.stopper.stop_if_told()

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Stop, if it only failed because another rank has stopped already."""
        if not isinstance(exception, Stopped):
            self.stopper.stop_if_told()
        self.stopper.let_go()

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Leave the signals alone again."""
        self.stopper.let_go()
