"""One evaluated row, how rank 0 gathers the rows of all ranks, and which of many are looked at."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import torch.distributed

from datamodules.rows.row import Row
from datamodules.stages import EvalStage

Stage = EvalStage
T = TypeVar("T")
MOST_ROWS = 100_000
"""Rows of a task on which baselines and tables about kinds of rows are measured at most: an interval of a share is then at most
0.3 points wide each way, and a row takes kilobytes."""


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


def keep_first(facts: Mapping[int, T], task_of: Callable[[T], str], most: int | None = None) -> dict[int, T]:
    """Return the facts of the first rows of each task, in index order.

    Args:
        facts: A fact of each row by its index.
        task_of: Returns the task of a fact's row.
        most: Most rows of a task; default `MOST_ROWS`.

    Examples:
        >>> keep_first({3: "a", 0: "b", 1: "a", 2: "a"}, lambda task: task, most=2)
        {0: 'b', 1: 'a', 2: 'a'}
    """
    limit = MOST_ROWS if most is None else most
    counts: Counter[str] = Counter()
    kept = {}
    for index in sorted(facts):
        task = task_of(facts[index])
        counts[task] += 1
        if counts[task] <= limit:
            kept[index] = facts[index]
    return kept
