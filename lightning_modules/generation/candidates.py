"""Sample several answers for each row; a callback verifies them and keeps the best."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from lightning_modules.generation.blocking import Source
from lightning_modules.generation.constrained import Constraint
from lightning_modules.generation.generate import Generated, GenerationSettings, generate


class Candidate(NamedTuple):
    """One answer to a row."""

    text: str
    score: float
    """Sum of the log-probabilities of its tokens under the plain model, including the stop token."""
    stopped: bool


def draw_candidates(
    decoder: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    prompt_ids: Tensor,
    prompt_mask: Tensor,
    settings: GenerationSettings,
    row_index: Tensor,
    own: Generated,
    slots: int | None = None,
    constraints: Sequence[Constraint | None] | None = None,
    sources: Sequence[Source | None] | None = None,
) -> list[list[Candidate]]:
    """Return `settings.candidates` answers for each row: first the strategy's own answer, then sampled ones.

    The k-th sample of a row depends only on the seed, k and the row index. Each costs about as much as the own answer. With
    `settings.block` the strategy stays and the seed draws the blocked positions.

    Args:
        decoder: A causal language model.
        tokenizer: Its tokenizer.
        prompt_ids: `(N, P)`, padded on the left.
        prompt_mask: `(N, P)`, 1 at real tokens.
        settings: How the strategy's own answers were generated, and how the others are sampled.
        row_index: `(N,)`, identifies the rows for sampling.
        own: The strategy's own answers.
        slots: Rows decoded at once; all when None.
        constraints: N, one per row.
        sources: N, one per row, for `settings.block`.
    """
    drawn, others = [own], settings
    if not settings.block:
        others = replace(settings, strategy="sample", num_beams=GenerationSettings.num_beams)
    for number in range(1, settings.candidates):
        again = replace(others, seed=settings.seed + number)
        drawn.append(
            generate(
                decoder, tokenizer, prompt_ids, prompt_mask, again, row_index, slots, constraints, sources
            )
        )
    columns = [
        [
            Candidate(*answer)
            for answer in zip(made.text, made.score.tolist(), made.stopped.tolist(), strict=True)
        ]
        for made in drawn
    ]
    return [list(row) for row in zip(*columns, strict=True)]
