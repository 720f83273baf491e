"""End a run only where an optimizer step ends, so that it can go on exactly there."""

from __future__ import annotations

from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import GradientAccumulationScheduler, StochasticWeightAveraging
from lightning.pytorch.trainer.states import TrainerFn

from callbacks.run.write_timing import ends_step


class WholeSteps(Callback):
    """Puts off the end of a run that comes within an accumulation window: its gradients would be lost.

    `--trainer.max_time`, Timer and EarlyStopping may ask for the end after any batch. This must be the last callback, to see
    what the others ask for.
    """

    def __init__(self) -> None:
        self._asked = False

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Forget what an earlier fit was asked; begin an epoch again in which a run goes on."""
        self._asked = False
        if trainer.fit_loop.restarted_mid_epoch:
            begin_epoch_again(trainer, pl_module)

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *_: Any) -> None:
        """Stop at the end of a step."""
        self._put_off(trainer)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Stop after a validation only if it follows a whole step."""
        if trainer.state.fn == TrainerFn.FITTING and not trainer.sanity_checking:
            self._put_off(trainer)

    def _put_off(self, trainer: Trainer) -> None:
        asked, whole = self._asked or trainer.should_stop, ends_step(trainer)
        trainer.should_stop, self._asked = asked and whole, asked and not whole


def begin_epoch_again(trainer: Trainer, pl_module: LightningModule) -> None:
    """Call the hook of an epoch's begin that Lightning leaves out within an epoch, for callbacks that depend on it.

    Both set up there what they do in this epoch, and change nothing that a checkpoint has restored.
    """
    for callback in [*trainer.callbacks]:  # type: ignore[attr-defined]
        if isinstance(callback, GradientAccumulationScheduler | StochasticWeightAveraging):
            callback.on_train_epoch_start(trainer, pl_module)
