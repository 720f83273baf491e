"""Of a row that is asked in several windows, the most probable answer counts."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np
import torch
from numpy.typing import NDArray

from callbacks.rows.evaluated_row import EvaluatedRow, Stage
from callbacks.rows.protocols import EvaluationData


def rate(score: float, num_tokens: int, chosen: bool = False) -> float:
    """Return how probable an answer is, for a comparison of windows: the mean log-probability of a token of it.

    Args:
        score: Sum of its tokens' log-probabilities, or the log-probability of a choice among the choices.
        num_tokens: The number of its tokens.
        chosen: Whether it is one of a row's choices, whose probabilities add to 1 in each window.
    """
    return score if chosen else score / max(num_tokens, 1)


def rate_row(row: EvaluatedRow) -> float:
    """Return how probable the answer of a row is; the lowest where nobody knows."""
    found = rate(row.score, row.num_tokens, bool(row.choices))
    return found if math.isfinite(found) else -1e30


def find_best(rows: NDArray[np.int64], rates: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the place of each row's best answer, of equally good ones the first.

    Args:
        rows: (M,) the row of each answer.
        rates: (M,) how probable each is.

    Examples:
        >>> find_best(np.array([0, 1, 1, 1]), np.array([-9.0, -2.0, -1.0, -1.0])).tolist()
        [0, 2]
    """
    order = np.lexsort((np.arange(len(rows)), -rates, rows))
    return order[np.unique(rows[order], return_index=True)[1]].astype(np.int64)


def keep_best_windows(
    answered: Mapping[int, EvaluatedRow],
    data: EvaluationData,
    stage: Stage,
    merge: Callable[[torch.Tensor, torch.Tensor, int], np.ndarray],
) -> dict[int, EvaluatedRow]:
    """Return this rank's answers without those of windows for which another window of the row has a better one, on any rank.

    Every rank must call it.

    Args:
        answered: This rank's answers, by the index of the prompt.
        data: The data module.
        stage: What was evaluated.
        merge: Returns the values of all ranks' prompts, `(M, 3)`, by their indices, this rank's values and the number of slots.
    """
    if data.num_asked(stage) == data.num_rows(stage):
        return dict(answered)
    values = [[prompt, row.index, rate_row(row)] for prompt, row in answered.items()]
    table = merge(
        torch.tensor(list(answered), dtype=torch.int64),
        torch.tensor(values, dtype=torch.float32).reshape(-1, 3),
        data.num_asked(stage),
    )
    best = table[find_best(table[:, 1].astype(np.int64), table[:, 2]), 0].astype(np.int64).tolist()
    return {prompt: answered[prompt] for prompt in best if prompt in answered}
