"""The learning rate, under one name for every optimizer."""

from __future__ import annotations

from lightning.pytorch import Callback, LightningModule, Trainer
from torch.optim import Optimizer

from callbacks.run.run_facts import find_log_interval

NAME = "train/lr"


class LearningRate(Callback):
    """Logs `train/lr`, the rate of each optimizer step whose loss is logged.

    Lightning's LearningRateMonitor names it after the optimizer and its groups (`lr-AdamW/pg1`), so that runs with several
    optimizers share no chart. Of groups with different rates the highest is logged.
    """

    def on_before_optimizer_step(
        self, trainer: Trainer, pl_module: LightningModule, optimizer: Optimizer
    ) -> None:
        """Log the rate with which this step is made, and only if it is shown: a value on a device waits for the device."""
        interval = find_log_interval(trainer)
        if interval and (trainer.global_step + 1) % interval == 0:
            rate = max(float(group["lr"]) for group in optimizer.param_groups)
            pl_module.log(NAME, rate, on_step=True, on_epoch=False, sync_dist=False)
