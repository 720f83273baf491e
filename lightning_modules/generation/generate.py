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
from lightning_modules.decoder.forward import in_eval_mode
from lightning_modules.generation.blocking import Blocks, Source, find_source_ids
from lightning_modules.generation.constrained import ConstrainedChooser, Constraint
from lightning_modules.generation.continuous_batching import Chooser, can_decode, decode
from lightning_modules.generation.drafts import Begun, Drafts, takes_drafts
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
    begun: Begun | None = None,
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
        begun: What `make_drafts` found out of the N completions; None if nothing is known.

    Raises:
        ValueError: If a prompt leaves no room in the decoder's context.
    """
    lengths, room = _measure(decoder, prompt_mask, settings)
    begun = begun or Begun.nothing(len(room), decoder.dtype, prompt_ids.device)
    stop = cast(int, tokenizer.eos_token_id)
    finished = (begun.newest == stop) | (begun.counts >= room)
    by_slots = settings.strategy != "beam" and can_decode(decoder)
    if not by_slots:  # a batch of transformers' begins with the first token of all its rows
        begun = begun.without(~finished)
    choose, replaced = _make_chooser(decoder, tokenizer, settings, begun, row_index, constraints, sources)
    ids, log_prob = begun.ids, begun.log_prob
    if len(rest := (~finished).nonzero()[:, 0]):
        left, slots = begun.take(rest), slots or len(prompt_ids)
        go_on, lengths, room = left.go_on(choose, rest), lengths[rest], room[rest]
        with in_eval_mode(decoder):
            if by_slots:
                texts, counts = _pad_right(prompt_ids[rest], lengths, left.ids), left.counts
                found = decode(decoder, texts, lengths + counts, room - counts, go_on, stop, slots)
            else:
                num_beams = settings.num_beams if settings.strategy == "beam" else None
                found = generate_through_transformers(
                    decoder, tokenizer, prompt_ids[rest], prompt_mask[rest], room, go_on,
                    _find_banned(decoder, tokenizer), slots, num_beams,
                )  # fmt: skip
        ids, log_prob = begun.join(rest, *found)
    return _read(tokenizer, ids, log_prob, torch.tensor(replaced))


def make_drafts(
    decoder: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    prompt_mask: Tensor,
    settings: GenerationSettings,
    constraints: Sequence[Constraint | None] | None = None,
) -> Drafts | None:
    """Return what follows the targets of N rows for `generate`, or None if the strategy takes no drafts.

    Args:
        decoder: A causal language model.
        tokenizer: Its tokenizer.
        prompt_mask: `(N, P)`, 1 at real tokens of the prompts.
        settings: The strategy.
        constraints: N, one per row.
    """
    if not takes_drafts(settings):
        return None
    _, room = _measure(decoder, prompt_mask, settings)
    nothing = Begun.nothing(len(room), decoder.dtype, prompt_mask.device)
    choose, replaced = _make_chooser(decoder, tokenizer, settings, nothing, None, constraints, None)
    stop = cast(int, tokenizer.eos_token_id)
    return Drafts(choose, replaced, prompt_mask.sum(dim=1), room, stop, decoder.dtype)


def _make_chooser(
    decoder: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    settings: GenerationSettings,
    begun: Begun,
    row_index: Tensor | None,
    constraints: Sequence[Constraint | None] | None,
    sources: Sequence[Source | None] | None,
) -> tuple[Chooser, list[int]]:
    """Return what chooses the tokens of N rows, and where it counts those that a constraint replaced."""
    banned = _find_banned(decoder, tokenizer)
    rows = list(range(len(begun.ids))) if row_index is None else row_index.tolist()
    uniform = None
    if settings.strategy == "sample":
        uniform = row_uniform(settings.seed, rows, settings.max_new_tokens).to(banned.device)
    blocks = None
    if settings.block and sources is not None:
        tokens = [[] if source is None else find_source_ids(tokenizer, source) for source in sources]
        blocks = Blocks(tokens, settings.block, settings.seed, rows, banned.device)
    choose: Chooser = TokenChooser(banned, uniform, settings.temperature, settings.top_p, blocks)
    if constraints is None:
        return choose, begun.replaced.tolist()
    assert settings.strategy != "beam", "beam search does not choose token by token"
    stop = cast(int, tokenizer.eos_token_id)
    constrained = ConstrainedChooser(
        choose, constraints, lambda ids: to_texts(tokenizer, [ids])[0], stop, begun
    )
    return constrained, constrained.replaced


def _find_banned(decoder: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> Tensor:
    return torch.tensor(never_generated(decoder, tokenizer), dtype=torch.int64, device=decoder.device)


def _read(tokenizer: PreTrainedTokenizerBase, ids: Tensor, log_prob: Tensor, replaced: Tensor) -> Generated:
    """Return rows as texts, from tokens `(N, T)`, -1 after a row's last one, and their log-probabilities."""
    num_tokens = (ids >= 0).sum(dim=1)
    ids = ids[:, : int(num_tokens.max())]
    kept = [row[:count] for row, count in zip(ids.tolist(), num_tokens.tolist(), strict=True)]
    stopped = (ids == tokenizer.eos_token_id).any(dim=1)
    ids = ids.masked_fill(ids < 0, cast(int, tokenizer.pad_token_id))
    return Generated(ids, to_texts(tokenizer, kept), log_prob.sum(dim=1), stopped, num_tokens, replaced)


def to_texts(tokenizer: PreTrainedTokenizerBase, rows: list[list[int]]) -> list[str]:
    """Return the texts of token ids, without special tokens."""
    return tokenizer.batch_decode(rows, skip_special_tokens=True, clean_up_tokenization_spaces=False)


def _measure(
    decoder: PreTrainedModel, prompt_mask: Tensor, settings: GenerationSettings
) -> tuple[Tensor, Tensor]:
    """Return the tokens of each prompt, and the most tokens to generate for it: the rest of its context at most; both `(N,)`."""
    # a filler's prompt may be empty: one padding token replaces it
    lengths = prompt_mask.sum(dim=1).clamp(min=1)
    context = getattr(decoder.config, "max_position_embeddings", None)
    if context is None:
        return lengths, torch.full_like(lengths, settings.max_new_tokens)
    longest = int(lengths.max())
    if longest >= context:
        raise ValueError(
            f"Expected prompts shorter than the decoder's context of {context} tokens, but got one of {longest}."
        )
    return lengths, (context - lengths).clamp(max=settings.max_new_tokens)


def _pad_right(prompt_ids: Tensor, lengths: Tensor, begun_ids: Tensor) -> Tensor:
    """Return prompts `(N, P)`, padded on the left, and the known tokens `(N, T)` after them, with any tokens on their right."""
    ids = torch.cat([prompt_ids, begun_ids.clamp(min=0)], dim=1)
    ends = lengths + (begun_ids >= 0).sum(dim=1)
    columns = torch.arange(int(ends.max()), device=ids.device) + (prompt_ids.shape[1] - lengths)[:, None]
    return ids.gather(1, columns.clamp(max=ids.shape[1] - 1))
