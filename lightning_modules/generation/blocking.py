"""Forbid some of a source's tokens directly after the token before them, so that another wording comes out. Pure torch.

T. Niu et al., Unsupervised Paraphrasing with Pretrained Language Models (Dynamic Blocking), EMNLP 2021, arXiv 2010.12885: a
pair of neighbouring source tokens is forbidden wherever its first token was generated, for a random part of the source's
positions, which another seed draws anew.

Letters in shapes: B rows of a step, N rows in all, L pairs of the longest source, V vocabulary rows.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from lightning_modules.generation.sampling import row_uniform

Source = tuple[str, str]
"""The format's text before an answer, and the row's input: the text that is to be worded in another way."""

_STREAM = 1
"""Which random numbers of a row choose its positions; 0 are those that draw its tokens."""


def find_source_ids(tokenizer: PreTrainedTokenizerBase, source: Source) -> list[int]:
    """Return the tokens that an answer would have if it were the input: in its place, without the format's text before it."""
    before, text = source
    if not tokenizer.is_fast:  # it tells no places
        slow: list[int] = tokenizer(before + text, add_special_tokens=False)["input_ids"]
        return slow
    encoded = tokenizer(before + text, add_special_tokens=False, return_offsets_mapping=True)
    places = zip(encoded["input_ids"], encoded["offset_mapping"], strict=True)
    return [token for token, (_, end) in places if end > len(before)]


class Blocks:
    """The forbidden pairs of N rows.

    Examples:
        >>> blocks = Blocks([[5, 6, 7], []], share=1.0, seed=0, rows=[0, 1])
        >>> allowed = blocks.forbid(torch.zeros(2, 9), torch.tensor([0, 1]), last=torch.tensor([6, 6]))
        >>> (allowed == -torch.inf).nonzero().tolist()  # 7 after 6, in row 0
        [[0, 7]]
    """

    def __init__(
        self,
        sources: Sequence[Sequence[int]],
        share: float,
        seed: int,
        rows: Sequence[int],
        device: torch.device | str = "cpu",
    ) -> None:
        """Draw each row's positions, a pure function of (seed, row index, its source).

        Args:
            sources: N sources as tokens; an empty one forbids nothing.
            share: The probability of each position, in [0, 1].
            seed: The seed.
            rows: N row indices.
            device: Where the logits are.
        """
        width = max([1, *(len(source) - 1 for source in sources)])
        first, then = (
            torch.full((len(sources), width), -2),
            torch.zeros(len(sources), width, dtype=torch.int64),
        )
        for place, (source, row) in enumerate(zip(sources, rows, strict=True)):
            if len(source) < 2:
                continue
            pairs = torch.tensor(source)
            drawn = row_uniform(seed, [row], len(source) - 1, _STREAM)[0] < share
            first[place, : len(pairs) - 1] = pairs[:-1].masked_fill(~drawn, -2)
            then[place, : len(pairs) - 1] = pairs[1:]
        self.first_NL, self.then_NL = first.to(device), then.to(device)
        """The tokens of each pair; -2, which no token is, where the position was not drawn or there is none."""

    def forbid(self, logits_BV: Tensor, rows: Tensor, last: Tensor) -> Tensor:
        """Return the logits with minus infinity at the tokens that are forbidden now; what else there is stays as it is.

        Args:
            logits_BV: Logits of the next tokens.
            rows: `(B,)`, indices among the N rows.
            last: `(B,)`, each row's newest token; -1 if there is none.
        """
        now_BL = self.first_NL[rows] == last[:, None]
        limit_BL = torch.zeros_like(now_BL, dtype=logits_BV.dtype).fill_(torch.inf)
        return logits_BV.scatter_reduce(
            1, self.then_NL[rows], limit_BL.masked_fill(now_BL, -torch.inf), "amin"
        )
