"""Say so when references are longer than what the model may write: they can never be right."""

from __future__ import annotations

import numpy as np
from lightning.pytorch import Callback, LightningModule, Trainer
from numpy.typing import NDArray
from rich.console import Console

from callbacks.rows.protocols import evaluated_model, evaluation_data
from datamodules.stages import evaluated_rows


def count_too_long(lengths: NDArray[np.int64], limit: int) -> int:
    """Return how many references cannot be written in `limit` tokens.

    Args:
        lengths: `(N,)` tokens of each reference, the stop token included; that one may be missing.
        limit: Most generated tokens.

    Examples:
        >>> count_too_long(np.array([5, 65, 66]), limit=64)
        1
    """
    return int((lengths - 1 > limit).sum())


class AnswerLengthCheck(Callback):
    """Warns before a run whose evaluated references are longer than `--model.generation.max_new_tokens`."""

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Count the references of the rows that the stage evaluates."""
        side = evaluated_rows(stage)
        if side == "predict" or not trainer.is_global_zero:
            return
        limit = evaluated_model(pl_module).generation.max_new_tokens
        lengths = evaluation_data(trainer).answer_lengths(side)
        if too_long := count_too_long(lengths, limit):
            Console().print(
                f"Warning: {too_long:,} of {len(lengths):,} {side} references take more than "
                f"--model.generation.max_new_tokens {limit} tokens (the longest {int(lengths.max())}) and can never be "
                "right; they count as wrong. Raise it, or leave such rows out with --data.max_length.",
                style="yellow",
                markup=False,
                soft_wrap=True,
            )
