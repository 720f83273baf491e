"""One evaluated row, and how rows of all ranks come together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypeVar

import torch.distributed

from datamodules.rows.row import Row

Stage = Literal["val", "test", "predict"]
T = TypeVar("T")


@dataclass(frozen=True)
class EvaluatedRow(Row):
    """A row of the data module together with what the model made of it."""

    prediction: str
    """The answer in the generated text: without the words of the format, and without white space at its ends."""
    score: float
    """Sum of the log-probabilities (natural logarithm) of the generated tokens, the stop token included."""
    stopped: bool
    """Whether the model wrote its stop token (else it was cut at the longest allowed length)."""
    num_tokens: int
    """How many tokens were generated."""
    candidates: tuple[tuple[str, float, bool], ...] = ()
    """Answers, scores, and whether they were stopped, the prediction first; empty if no others were drawn."""
    replaced: int | None = None
    """Tokens for which a constraint took others, -1 where it gave up; None for a run without constraints."""


def gather_by_index(items: dict[int, T]) -> dict[int, T]:
    """Collect items of all ranks on rank 0. Every rank must call it.

    Args:
        items: This rank's items by row index.

    Returns:
        On rank 0 the items of all ranks in index order, one an index; on the others an empty dict.
    """
    pieces: list[Any] = [items]
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        first = torch.distributed.get_rank() == 0
        pieces = [None] * torch.distributed.get_world_size() if first else []
        torch.distributed.gather_object(items, pieces if first else None, dst=0)
    merged = {index: item for piece in reversed(pieces) for index, item in piece.items()}
    return dict(sorted(merged.items()))
