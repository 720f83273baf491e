"""Say so when there are too few rows to tell one model from another, and stop when there are none to test on."""

from __future__ import annotations

from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.trainer.states import TrainerFn
from rich.console import Console

from callbacks.rows.protocols import evaluation_data
from datamodules.stages import evaluated_rows

FEWEST = 30
"""Below it the 95 % Wilson interval of a proportion is up to 34 points wide (at 30 rows, one half right)."""


class RowCountCheck(Callback):
    """Warns before a run whose validation or test side has under 30 rows, and refuses to evaluate on no row at all."""

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Count the rows that the stage evaluates.

        Raises:
            ValueError: If `validate` or `test` has no row.
        """
        if stage == "predict":
            return
        stage = TrainerFn(stage).value  # Lightning gives a member of its enumeration
        side = evaluated_rows(stage)
        rows = evaluation_data(trainer).num_rows(side)
        if stage != "fit" and rows == 0:
            raise ValueError(
                f"Expected at least one {side} row to {stage} on, but there is none: give more data, a larger "
                f"--data.{side}_fraction, or a file of its own (--data.{side}_source)."
            )
        if rows < FEWEST and trainer.is_global_zero:
            text = f"Warning: {self._consequence(stage, rows)}; give more data or a larger --data.{side}_fraction."
            Console().print(text, style="yellow", markup=False, soft_wrap=True)

    @staticmethod
    def _consequence(stage: str, rows: int) -> str:
        few = f"{rows} row{'' if rows == 1 else 's'}"
        if stage != "fit":
            return f"this is measured on {few} only"
        if rows == 0:
            return "there is no validation row, so that nothing is measured and no best checkpoint is chosen"
        return f"the best checkpoint is chosen on {few} only"
