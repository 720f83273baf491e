"""What a fit settles before its first step: how often it logs, and the flags and the rate of its optimizer."""

from __future__ import annotations

from typing import Any

from lightning.pytorch import Trainer
from lightning.pytorch.utilities.rank_zero import rank_zero_info
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR, ReduceLROnPlateau
from torch.optim.swa_utils import SWALR

from lightning_modules.training.lr_schedule import WarmupCosine
from lightning_modules.training.resumed_optimizer import OptimizerFlags


def join_scheduler(optimizer: Optimizer, scheduler: Any) -> OptimizerLRScheduler:
    """Return an optimizer and its scheduler as Lightning takes them: stepped after each step, or by a monitored value."""
    if isinstance(scheduler, ReduceLROnPlateau):
        monitor = getattr(scheduler, "monitor", "val/loss")  # LightningCLI's subclass has one
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "monitor": monitor}}
    return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}


def settle_logging(trainer: Trainer) -> None:
    """Let an epoch that is shorter than `--trainer.log_every_n_steps` log its last step, so that no run is without a loss."""
    steps = int(trainer.num_training_batches) // trainer.accumulate_grad_batches
    untyped: Any = trainer
    untyped.log_every_n_steps = min(untyped.log_every_n_steps, max(1, steps))


def settle_rates(
    trainer: Trainer, scheduler: Any, flags: OptimizerFlags | None, default: WarmupCosine | None
) -> None:
    """Let flags override a checkpoint's settings, and set the first step's rate, which was unknown before.

    Args:
        trainer: In a fit.
        scheduler: Its scheduler.
        flags: The flags' settings, as noted when optimizer and scheduler were new.
        default: The default schedule; None with another scheduler.
    """
    if scheduler is None or isinstance(scheduler, SWALR):
        return  # StochasticWeightAveraging has replaced the schedule and its rates
    if trainer.ckpt_path is not None:
        assert flags is not None, "configure_optimizers notes them"
        if changed := flags.apply(trainer.optimizers[0], scheduler):
            rank_zero_info(f"The optimizer resumes with the flags' {', '.join(changed)}.")
    if default is None:
        return
    assert isinstance(scheduler, LambdaLR)
    factor = default.factor(scheduler.last_epoch, trainer.estimated_stepping_batches)
    for group, base_lr in zip(scheduler.optimizer.param_groups, scheduler.base_lrs, strict=True):
        group["lr"] = base_lr * factor
