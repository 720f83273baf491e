"""Generate text from prompts: greedy, beam search and reproducible sampling. Pure torch and transformers.

Letters in shapes: N rows, P prompt tokens (padded on the left), T generated tokens, V vocabulary rows, B rows of
a batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from lightning_modules.decoder.decoders import never_generated
from lightning_modules.generation.blocking import Blocks, Source, find_source_ids
from lightning_modules.generation.constrained import ConstrainedChooser, Constraint
from lightning_modules.generation.continuous_batching import Chooser, can_decode, decode
from lightning_modules.generation.hf_generate import generate_through_transformers
from lightning_modules.generation.sampling import TokenChooser, row_uniform
from lightning_modules.generation.settings import GenerationSettings


@dataclass(frozen=True)
class Generated:
    """The generated rows."""

    ids: Tensor
    """`(N, T)` int64: the generated tokens including the stop token, then padding."""
    text: list[str]
    """Decoded without special tokens."""
    score: Tensor
    """`(N,)` sum of the log-probabilities (nats) of the generated tokens, including the stop token; at least float32."""
    stopped: Tensor
    """`(N,)` bool: whether the stop token came before `max_new_tokens`."""
    num_tokens: Tensor
    """`(N,)` int64: number of generated tokens, including the stop token."""
    replaced: Tensor
    """`(N,)` int64: number of tokens that a constraint replaced; -1 if it found no allowed token and left the row free."""


@torch.inference_mode()
def generate(
    decoder: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    prompt_ids: Tensor,
    prompt_mask: Tensor,
    settings: GenerationSettings,
    row_index: Tensor | None = None,
    slots: int | None = None,
    constraints: Sequence[Constraint | None] | None = None,
    sources: Sequence[Source | None] | None = None,
) -> Generated:
    """Generate a completion for each prompt.

    The decoder runs in eval mode; its mode is restored afterwards. In fp32 a row's completion does not depend on the other
    rows. The score is the log-probability under the plain model (temperature 1, no nucleus) over existing tokens: rows
    that pad the vocabulary are never generated and are excluded from the softmax. Beam search ranks finished sequences
    by the same sum, without a length penalty.

    Generation is fastest with many more prompts than slots. Beam search, and architectures that `continuous_batching`
    does not support, use transformers' own generation in batches of `slots` rows.

    Args:
        decoder: A causal language model.
        tokenizer: Its tokenizer, with a stop and a padding token (see `decoders.load_tokenizer`).
        prompt_ids: `(N, P)`, padded on the left.
        prompt_mask: `(N, P)`, 1 at real tokens.
        settings: The strategy; a row whose context ends gets fewer tokens than `max_new_tokens`.
        row_index: `(N,)`, identifies the rows for sampling; 0..N-1 when None.
        slots: Rows decoded at once; all when None.
        constraints: N, one per row; not for beam search.
        sources: N, one per row, for `settings.block`: the text that is to be worded in another way; None blocks nothing.

    Raises:
        ValueError: If a prompt leaves no room in the decoder's context.
    """
    device = prompt_ids.device
    stop = cast(int, tokenizer.eos_token_id)
    lengths = prompt_mask.sum(dim=1).clamp(
        min=1
    )  # a filler's prompt may be empty: one padding token replaces it
    room = _room(decoder, lengths, settings.max_new_tokens)
    banned = torch.tensor(never_generated(decoder, tokenizer), dtype=torch.int64, device=device)
    if row_index is None:
        row_index = torch.arange(len(prompt_ids))
    uniform = None
    if settings.strategy == "sample":
        uniform = row_uniform(settings.seed, row_index.tolist(), settings.max_new_tokens).to(device)
    blocks = None
    if settings.block and sources is not None:
        tokens = [[] if source is None else find_source_ids(tokenizer, source) for source in sources]
        blocks = Blocks(tokens, settings.block, settings.seed, row_index.tolist(), device)
    choose: Chooser = TokenChooser(banned, uniform, settings.temperature, settings.top_p, blocks)
    replaced = [0] * len(prompt_ids)
    if constraints is not None:
        assert settings.strategy != "beam", "beam search does not choose token by token"
        constrained = ConstrainedChooser(choose, constraints, lambda ids: to_texts(tokenizer, [ids])[0], stop)
        choose, replaced = constrained, constrained.replaced
    slots = slots or len(prompt_ids)
    was_training = decoder.training
    decoder.eval()
    try:
        if settings.strategy != "beam" and can_decode(decoder):
            padded = _pad_right(prompt_ids, lengths)
            ids, log_prob = decode(decoder, padded, lengths, room, choose, stop, slots)
        else:
            num_beams = settings.num_beams if settings.strategy == "beam" else None
            ids, log_prob = generate_through_transformers(
                decoder, tokenizer, prompt_ids, prompt_mask, room, choose, banned, slots, num_beams
            )
    finally:
        decoder.train(was_training)
    num_tokens = (ids >= 0).sum(dim=1)
    ids = ids[:, : int(num_tokens.max())]
    kept = [row[:count] for row, count in zip(ids.tolist(), num_tokens.tolist(), strict=True)]
    text = to_texts(tokenizer, kept)
    stopped = (ids == stop).any(dim=1)
    ids = ids.masked_fill(ids < 0, cast(int, tokenizer.pad_token_id))
    return Generated(ids, text, log_prob.sum(dim=1), stopped, num_tokens, torch.tensor(replaced))


def to_texts(tokenizer: PreTrainedTokenizerBase, rows: list[list[int]]) -> list[str]:
    """Return the texts of token ids, without special tokens."""
    return tokenizer.batch_decode(rows, skip_special_tokens=True, clean_up_tokenization_spaces=False)


def _room(decoder: PreTrainedModel, lengths: Tensor, wanted: int) -> Tensor:
    """Return the most tokens to generate for each row `(N,)`: the rest of its context, at most `wanted`."""
    context = getattr(decoder.config, "max_position_embeddings", None)
    if context is None:
        return torch.full_like(lengths, wanted)
    longest = int(lengths.max())
    if longest >= context:
        raise ValueError(
            f"Expected prompts shorter than the decoder's context of {context} tokens, but got one of {longest}."
        )
    return (context - lengths).clamp(max=wanted)


def _pad_right(prompt_ids: Tensor, lengths: Tensor) -> Tensor:
    """Convert prompts `(N, P)` from left to right padding, with any token as padding."""
    width = prompt_ids.shape[1]
    columns = torch.arange(int(lengths.max()), device=lengths.device) + (width - lengths)[:, None]
    return prompt_ids.gather(1, columns.clamp(max=width - 1))
