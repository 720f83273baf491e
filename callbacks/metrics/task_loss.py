"""The loss of each task, and what the data module does with it: adaptive sampling."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.trainer.states import TrainerFn

from callbacks.metrics.row_scores import merge_scores
from callbacks.rows.evaluated_row import Stage
from callbacks.rows.protocols import evaluation_data
from callbacks.run.run_facts import silence_sync_advice


class TaskLoss(Callback):
    """Logs `val/<task>/loss` and `test/<task>/loss`: nats a supervised token, as `val/loss`, over the rows of a task.

    Each row counts once on any number of ranks, and the values are equal on all ranks. After each validation of a fit the data
    module gets them, for `--data.sampling adaptive`; the shares that it chooses are logged as `train/<task>/share`.
    """

    def __init__(self) -> None:
        self._rows: list[torch.Tensor] = []

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Silence Lightning's advice to reduce values that are equal on all ranks."""
        silence_sync_advice(trainer, "val/|test/|train/")

    def on_validation_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Begin a new epoch."""
        self._rows = []

    def on_test_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Begin a new epoch."""
        self._rows = []

    def on_validation_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, *_: Any
    ) -> None:
        """Keep the losses of the batch's rows."""
        self._keep(trainer, outputs)

    def on_test_batch_end(self, trainer: Trainer, pl_module: LightningModule, outputs: Any, *_: Any) -> None:
        """Keep the losses of the batch's rows."""
        self._keep(trainer, outputs)

    def _keep(self, trainer: Trainer, outputs: Any) -> None:
        if outputs is not None and "row_loss" in outputs and not trainer.sanity_checking:
            columns = [outputs[name].double() for name in ("row_index", "row_loss", "row_tokens")]
            self._rows.append(torch.stack(columns, dim=1).cpu())

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Log each task's loss; in a fit, let the data module choose the tasks' shares."""
        losses = self._log(trainer, pl_module, "val")
        if trainer.state.fn == TrainerFn.FITTING and losses:
            shares = evaluation_data(trainer).note_losses(losses, trainer.current_epoch)
            for task, share in shares.items():
                pl_module.log(f"train/{task}/share", share, sync_dist=False)

    def on_test_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Log each task's loss."""
        self._log(trainer, pl_module, "test")

    def _log(self, trainer: Trainer, pl_module: LightningModule, stage: Stage) -> dict[str, float]:
        """Merge the rows of all ranks, and log and return each task's loss."""
        if trainer.sanity_checking:
            return {}
        data = evaluation_data(trainer)
        rows = torch.cat([torch.zeros((0, 3), dtype=torch.float64), *self._rows])
        index = rows[:, 0].long()
        index[
            index >= data.num_rows(stage)
        ] = -1  # the further windows of long rows, in which nothing is supervised
        tasks = [
            data.task_names.index(data.row(stage, row).task) if row >= 0 else 0 for row in index.tolist()
        ]
        scores = torch.stack([torch.tensor(tasks, dtype=torch.float64), rows[:, 1], rows[:, 2]], dim=1)
        # A row whose loss is not a number counts as infinite: the task's loss is no number either way.
        known = torch.nan_to_num(scores, nan=float("inf"), posinf=float("inf")).clamp(min=0)
        table = merge_scores(index, known.float(), data.num_rows(stage), pl_module.device)
        losses = mean_losses(table, data.task_names)
        for task, loss in losses.items():
            pl_module.log(f"{stage}/{task}/loss", loss, sync_dist=False, rank_zero_only=False)
        return losses


def mean_losses(table: np.ndarray, tasks: Sequence[str]) -> dict[str, float]:
    """Return each task's loss per supervised token; tasks without tokens are left out.

    Args:
        table: `(n, 3)`: number of the task, loss sum and number of supervised tokens of each row.
        tasks: Names of the tasks.

    Examples:
        >>> mean_losses(np.array([[0, 6.0, 2], [1, 1.0, 1], [0, 0.0, 1]]), ["a", "b", "c"])
        {'a': 2.0, 'b': 1.0}
    """
    found = {}
    for number, task in enumerate(tasks):
        rows = table[table[:, 0] == number]
        if (tokens := rows[:, 2].sum()) > 0:
            found[task] = float(rows[:, 1].sum() / tokens)
    return found
