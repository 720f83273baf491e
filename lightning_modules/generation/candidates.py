"""Further answers of each row, drawn by sampling, for a callback that verifies them and keeps the best."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from lightning_modules.generation.constrained import Constraint
from lightning_modules.generation.generate import Generated, GenerationSettings, generate


class Candidate(NamedTuple):
    """One answer of a row."""

    text: str
    score: float
    """Sum of the log-probabilities of its tokens under the plain model, stop token included."""
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
) -> list[list[Candidate]]:
    """Return `settings.candidates` answers of each row: the strategy's own one, then those that are drawn.

    The k-th draw of a row depends on seed, k and row index alone. Each draw costs about what the own answer did.

    Args:
        decoder: A causal language model.
        tokenizer: Its tokenizer.
        prompt_ids: `(N, P)`, padded on the left.
        prompt_mask: `(N, P)`, 1 at real tokens.
        settings: How the own answer was generated, and how others are drawn.
        row_index: `(N,)`, names the rows for sampling.
        own: The own answers.
        slots: Rows decoded at once; all when None.
        constraints: N, what each row's text may be.
    """
    drawn = [own]
    for number in range(1, settings.candidates):
        sampled = replace(
            settings, strategy="sample", num_beams=GenerationSettings.num_beams, seed=settings.seed + number
        )
        drawn.append(
            generate(decoder, tokenizer, prompt_ids, prompt_mask, sampled, row_index, slots, constraints)
        )
    columns = [
        [Candidate(*one) for one in zip(of.text, of.score.tolist(), of.stopped.tolist(), strict=True)]
        for of in drawn
    ]
    return [list(row) for row in zip(*columns, strict=True)]
