"""Keep the best weights."""

from __future__ import annotations

from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from torch import Tensor

from callbacks.lightning_private import is_epoch_cut
from callbacks.rows.headline_monitor import monitor_headline
from callbacks.rows.headlines import MONITOR
from callbacks.rows.protocols import EvaluationData, evaluation_data


class BestCheckpoint(ModelCheckpoint):
    """Writes `best.ckpt` into the run's folder.

    It does not write `last.ckpt`: with a monitor, Lightning's `save_last` copies the checkpoint saved last, which is the
    best epoch and not the last one. `LastCheckpoint` writes that file.
    Of equally good epochs, the latest one is kept: a model without any exact match still improves, but Lightning would
    keep its first epoch.
    """

    def __init__(self, monitor: str = MONITOR, mode: str = "max", dirpath: str | None = None) -> None:
        """Set the metric that selects the best weights.

        Args:
            monitor: Name of the metric; `headline`: that of the tasks' kind, such as val/exact_match, val/auroc or val/mae_all.
            mode: `max` or `min`; for `headline` its own.
            dirpath: The folder; default: `checkpoints` in the run's folder.
        """
        super().__init__(dirpath, filename="best", monitor=monitor, mode=mode, enable_version_counter=False)
        self._measured_at = -1

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Monitor the headline of the tasks, as every callback with that monitor does: their kinds are known now."""
        if self.monitor == MONITOR:
            data: EvaluationData | None = evaluation_data(
                trainer
            )  # a trainer may be used without a data module
            choosing = [task for task in data.tasks if task.name not in data.held_out] if data else []
            callbacks: list[Callback] = trainer.callbacks  # type: ignore[attr-defined]
            monitor_headline([self, *callbacks], choosing)
        super().setup(trainer, pl_module, stage)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Note the step that the metrics belong to."""
        self._measured_at = trainer.global_step
        super().on_validation_end(trainer, pl_module)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Choose among measured weights only: those at the end of a run within an epoch may not be."""
        if not is_epoch_cut(trainer) or self._measured_at == trainer.global_step:
            super().on_train_epoch_end(trainer, pl_module)

    def check_monitor_top_k(self, trainer: Trainer, current: Tensor | None = None) -> bool:
        """Return whether to keep these weights: whether they are at least as good as the best so far."""
        as_good = (
            current is not None
            and self.best_model_score is not None
            and bool(current == self.best_model_score)
        )
        return bool(super().check_monitor_top_k(trainer, current)) or as_good
