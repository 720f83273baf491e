"""Base of the metrics that take more time than an epoch has: they belong to `test` and `validate`."""

from __future__ import annotations

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.trainer.states import TrainerFn

from callbacks.evaluated_rows import EvaluatedRow, Stage
from callbacks.row_metric import RowMetric


class DetailedMetric(RowMetric):
    """A metric of `test` and `validate`, and of the epochs of a `fit` only if asked for.

    Args:
        each_epoch: Whether to measure after each epoch of a `fit`, too.
    """

    def __init__(self, each_epoch: bool = False) -> None:
        self.each_epoch = each_epoch

    def is_on(self, trainer: Trainer) -> bool:
        """Return whether this evaluation is measured; equal on all ranks."""
        return self.each_epoch or trainer.state.fn != TrainerFn.FITTING

    def read_rows(
        self, trainer: Trainer, pl_module: LightningModule, stage: Stage, rows: list[EvaluatedRow]
    ) -> None:
        """Score and log, if this evaluation is measured."""
        if self.is_on(trainer):
            super().read_rows(trainer, pl_module, stage, rows)
