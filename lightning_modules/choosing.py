"""Choose the next token of each row, greedily or at random. Pure torch.

Letters in shapes: B rows, V vocabulary rows, N rows in all, T tokens at most.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import torch
from torch import Tensor
from transformers.generation import TopPLogitsWarper


class TokenChooser:
    """Chooses tokens from logits: the most probable ones, or with random numbers of each row's own."""

    def __init__(
        self, banned: Tensor, uniform: Tensor | None = None, temperature: float = 1.0, top_p: float = 1.0
    ) -> None:
        """Keep what decides.

        Args:
            banned: Ids that are never chosen and have no share in the softmax.
            uniform: `(N, T)` random numbers in [0, 1), see `row_uniform`; None chooses the most probable token.
            temperature: Of sampling: logits are divided by it.
            top_p: Of sampling: draw among the most probable tokens that together have this probability.
        """
        self.banned, self.uniform, self.temperature = banned, uniform, temperature
        self.nucleus = TopPLogitsWarper(top_p) if top_p < 1 else None

    def __call__(self, logits: Tensor, rows: Tensor, steps: Tensor) -> tuple[Tensor, Tensor]:
        """Return the tokens `(B,)` and their log-probabilities `(B,)` under the plain model.

        Args:
            logits: `(B, V)`; may be overwritten.
            rows: `(B,)`, which of the N rows each is.
            steps: `(B,)`, tokens generated before.
        """
        logits_BV = logits.float().index_fill_(1, self.banned, -torch.inf)
        if self.uniform is None:
            best_B, token_B = logits_BV.max(dim=1)
        else:
            token_B = self._draw(logits_BV, self.uniform[rows, steps])
            best_B = logits_BV.gather(1, token_B[:, None])[:, 0]
        return token_B, best_B - logits_BV.logsumexp(dim=1)

    def _draw(self, logits_BV: Tensor, uniform_B: Tensor) -> Tensor:
        """Invert the cumulative distribution at each row's random number."""
        warped = logits_BV / self.temperature
        if self.nucleus is not None:
            warped = self.nucleus(
                cast(Any, None), cast(torch.FloatTensor, warped)
            )  # it does not look at the ids
        cumulative = warped.softmax(dim=1).cumsum(dim=1)
        at = uniform_B[:, None].to(cumulative) * cumulative[:, -1:]  # its end is 1 but for rounding
        return torch.searchsorted(cumulative, at, right=True)[:, 0].clamp(max=cumulative.shape[1] - 1)


def row_uniform(seed: int, rows: Sequence[int], steps: int) -> Tensor:
    """Return random numbers in [0, 1), `(N, steps)`: each row's are a function of (seed, row index) alone."""
    drawn = []
    for row in rows:
        generator = torch.Generator().manual_seed((seed * 1_000_003 + row) % 2**63)
        drawn.append(torch.rand(steps, generator=generator))
    return torch.stack(drawn)
