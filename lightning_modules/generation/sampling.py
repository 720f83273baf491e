"""Choose the next token of each row, greedily or at random. Pure torch.

Letters in shapes: B rows, V vocabulary rows, N rows in all, T tokens at most.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, cast

import torch
from torch import Tensor
from transformers.generation import TopPLogitsWarper

from lightning_modules.decoder.forward import widened

LEAST_TEMPERATURE = 1e-30
"""Temperatures are clamped to at least this value: float32 and GPUs round much smaller values to 0, and the most probable
token is certain long before. They are clamped to at most its inverse."""


class Rule(Protocol):
    """Forbids tokens by what was generated before them."""

    def forbid(self, logits_BV: Tensor, rows: Tensor, last: Tensor) -> Tensor:
        """Return the logits with minus infinity at the forbidden tokens, from logits, rows `(B,)` and newest tokens `(B,)`."""
        ...


class TokenChooser:
    """Chooses tokens from logits: the most probable ones, or with each row's own random numbers.

    Examples:
        >>> choose = TokenChooser(banned=torch.tensor([0]))
        >>> rows, steps, last = torch.tensor([0]), torch.tensor([0]), torch.tensor([-1])
        >>> token, score = choose(torch.tensor([[9.0, 1.0, 1.0]]), rows, steps, last)
        >>> token.item(), round(score.exp().item(), 2)
        (1, 0.5)
    """

    def __init__(
        self,
        banned: Tensor,
        uniform: Tensor | None = None,
        temperature: float = 1.0,
        top_p: float = 1.0,
        rule: Rule | None = None,
    ) -> None:
        """Create a chooser.

        Args:
            banned: Ids that are never chosen and are excluded from the softmax.
            uniform: `(N, T)` random numbers in [0, 1), see `row_uniform`; None chooses the most probable token.
            temperature: For sampling: logits are divided by it.
            top_p: For sampling: draw from the most probable tokens that together have this probability.
            rule: Forbids further tokens, which stay in the softmax of the scores.
        """
        self.banned, self.uniform, self.temperature, self.rule = banned, uniform, temperature, rule
        self.nucleus = TopPLogitsWarper(top_p) if top_p < 1 else None

    def __call__(self, logits: Tensor, rows: Tensor, steps: Tensor, last: Tensor) -> tuple[Tensor, Tensor]:
        """Return the tokens `(B,)` and their log-probabilities `(B,)` under the plain model.

        Args:
            logits: `(B, V)`; may be overwritten.
            rows: `(B,)`, indices among the N rows.
            steps: `(B,)`, number of tokens generated before.
            last: `(B,)`, the newest of these; -1 in step 0.
        """
        logits_BV = logits.to(widened(logits.dtype)).index_fill_(1, self.banned, -torch.inf)
        allowed_BV = logits_BV if self.rule is None else self.rule.forbid(logits_BV, rows, last)
        if self.uniform is None:
            best_B, token_B = allowed_BV.max(dim=1)
        else:
            token_B = self._draw(allowed_BV, self.uniform[rows, steps])
            best_B = allowed_BV.gather(1, token_B[:, None])[:, 0]
        return token_B, best_B - logits_BV.logsumexp(dim=1)

    def _draw(self, logits_BV: Tensor, uniform_B: Tensor) -> Tensor:
        """Draw tokens by inverting the cumulative distribution at each row's random number."""
        # The largest logit becomes 0, so that the division can overflow only to -inf.
        temperature = min(max(self.temperature, LEAST_TEMPERATURE), 1 / LEAST_TEMPERATURE)
        warped = (logits_BV - logits_BV.amax(dim=1, keepdim=True)) / temperature
        if self.nucleus is not None:
            warped = self.nucleus(cast(Any, None), cast(torch.FloatTensor, warped))  # it ignores the ids
        cumulative = warped.softmax(dim=1).cumsum(dim=1)
        end = cumulative[:, -1:]  # 1 up to rounding
        # Always below the end, despite rounding: tokens after the end have no probability.
        at = torch.minimum(uniform_B[:, None].to(end) * end, torch.nextafter(end, torch.zeros_like(end)))
        return torch.searchsorted(cumulative, at, right=True)[:, 0].clamp(max=cumulative.shape[1] - 1)


def row_uniform(seed: int, rows: Sequence[int], steps: int, stream: int = 0) -> Tensor:
    """Return random numbers in [0, 1), `(N, steps)`: each row's numbers depend only on (seed, row index, stream).

    Examples:
        >>> together, alone = row_uniform(seed=0, rows=[3, 8], steps=2), row_uniform(seed=0, rows=[8], steps=2)
        >>> bool((together[1] == alone[0]).all())  # other rows do not change a row's numbers
        True
    """
    drawn = []
    for row in rows:
        # The generator takes the low 32 bits of a seed, which the golden ratio's multiples of streams keep apart.
        generator = torch.Generator().manual_seed((seed * 1_000_003 + row + stream * 0x9E3779B9) % 2**63)
        drawn.append(torch.rand(steps, generator=generator, dtype=torch.float32))
    return torch.stack(drawn)
