"""Warn if there are too few rows to compare models, and stop an evaluation without any rows."""

from __future__ import annotations

from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.trainer.states import TrainerFn

from callbacks.loggers.terminal import say
from callbacks.rows.protocols import evaluation_data
from datamodules.stages import evaluated_rows

FEWEST = 30
"""Rows below which to warn: at 30 rows, the 95 % Wilson interval of a proportion is up to 34 points wide (half right)."""


class RowCountCheck(Callback):
    """Warns before a run if the validation or test side has under 30 rows, and refuses to evaluate without rows."""

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
                f"Expected at least one {side} row for `{stage}`, but there is none. Provide more data, a larger "
                f"--data.{side}_fraction, or a separate file (--data.{side}_source)."
            )
        if rows < FEWEST and trainer.is_global_zero:
            text = f"Warning: {self._consequence(stage, rows)}. Provide more data or a larger --data.{side}_fraction."
            say(text, style="yellow")
        tested = evaluation_data(trainer).report.get("rows", {}).get("test", 0)
        if stage == "fit" and 0 < tested < FEWEST and trainer.is_global_zero:
            few = f"{tested} row{'' if tested == 1 else 's'}"
            advice = "Provide more data or a larger --data.test_fraction."
            say(f"Warning: a test of this run will measure only {few}. {advice}", style="yellow")

    @staticmethod
    def _consequence(stage: str, rows: int) -> str:
        few = f"{rows} row{'' if rows == 1 else 's'}"
        if stage != "fit":
            return f"metrics are measured on only {few}"
        if rows == 0:
            return "there are no validation rows, so nothing is measured and no best checkpoint is chosen"
        return f"the best checkpoint is chosen on only {few}"
