"""Warn about references that are longer than the model may generate: their rows can never be right."""

from __future__ import annotations

import numpy as np
from lightning.pytorch import Callback, LightningModule, Trainer
from numpy.typing import NDArray

from callbacks.loggers.terminal import say
from callbacks.rows.protocols import evaluated_model, evaluation_data
from datamodules.stages import evaluated_rows


def count_too_long(lengths: NDArray[np.int64], limit: int) -> int:
    """Return how many references do not fit into `limit` tokens.

    Args:
        lengths: `(N,)` tokens of each reference, including the stop token, which need not fit.
        limit: Maximum number of generated tokens.

    Examples:
        >>> count_too_long(np.array([5, 65, 66]), limit=64)
        1
    """
    return int((lengths - 1 > limit).sum())


class AnswerLengthCheck(Callback):
    """Warns before a run if evaluated references are longer than `--model.generation.max_new_tokens`."""

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Count the references of the rows that the stage evaluates."""
        side = evaluated_rows(stage)
        if side == "predict" or not trainer.is_global_zero:
            return
        limit = evaluated_model(pl_module).generation.max_new_tokens
        lengths = evaluation_data(trainer).answer_lengths(side)
        if too_long := count_too_long(lengths, limit):
            say(
                f"Warning: {too_long:,} of {len(lengths):,} {side} references take more than "
                f"--model.generation.max_new_tokens {limit} tokens (longest: {int(lengths.max())}), so their rows always "
                "count as wrong. Raise that limit, or skip such rows with --data.max_length.",
                style="yellow",
            )
