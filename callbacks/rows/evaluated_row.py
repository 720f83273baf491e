"""One evaluated row, and how rank 0 gathers the rows of all ranks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeVar

import torch.distributed

from datamodules.rows.row import Row
from datamodules.stages import EvalStage

Stage = EvalStage
T = TypeVar("T")


@dataclass(frozen=True)
class EvaluatedRow(Row):
    """A row of the data module together with the model's answer."""

    prediction: str
    """The answer in the generated text, without the format's own text and without white space at its ends."""
    score: float
    """Sum of the log-probabilities (natural logarithm) of the generated tokens, the stop token included."""
    stopped: bool
    """Whether the model wrote its stop token; if not, the answer was cut at the longest allowed length."""
    num_tokens: int
    """Number of generated tokens."""
    candidates: tuple[tuple[str, float, bool], ...] = ()
    """(text, score, stopped) of each answer, the prediction first; empty if no others were generated."""
    replaced: int | None = None
    """Number of tokens that a constraint replaced, -1 if it gave up; None for a run without constraints."""
    probabilities: tuple[float, ...] = ()
    """The probability of each of the row's choices; they add up to 1."""


def gather_by_index(items: dict[int, T]) -> dict[int, T]:
    """Collect items of all ranks on rank 0. Every rank must call it.

    Args:
        items: This rank's items by row index.

    Returns:
        On rank 0 the items of all ranks in index order, one per index; on the others an empty dict.
    """
    pieces: list[Any] = [items]
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        first = torch.distributed.get_rank() == 0
        pieces = [None] * torch.distributed.get_world_size() if first else []
        torch.distributed.gather_object(items, pieces if first else None, dst=0)
    merged = {index: item for piece in reversed(pieces) for index, item in piece.items()}
    return dict(sorted(merged.items()))
