"""Keep the best weights."""

from __future__ import annotations

from lightning.pytorch import Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from torch import Tensor


class BestCheckpoint(ModelCheckpoint):
    """Writes `best.ckpt` into the run's folder.

    It does not write `last.ckpt`: with a monitor, Lightning's `save_last` copies whatever was saved last, which is the
    best epoch and not the last. `LastCheckpoint` writes that.
    Of equally good epochs the later one counts: a model that has no exact match yet still gets better, and
    Lightning would keep its first epoch.
    """

    def __init__(
        self, monitor: str = "val/exact_match", mode: str = "max", dirpath: str | None = None
    ) -> None:
        """Choose what is best.

        Args:
            monitor: The metric to choose by.
            mode: `max` or `min`.
            dirpath: The folder; by default `checkpoints` in the run's folder.
        """
        super().__init__(dirpath, filename="best", monitor=monitor, mode=mode, enable_version_counter=False)

    def check_monitor_top_k(self, trainer: Trainer, current: Tensor | None = None) -> bool:
        """Return whether these weights are to be kept: they are better than the best, or as good."""
        as_good = (
            current is not None
            and self.best_model_score is not None
            and bool(current == self.best_model_score)
        )
        return bool(super().check_monitor_top_k(trainer, current)) or as_good
