"""Batched decoding: greedy, beam search and reproducible sampling. Pure torch and transformers.

Letters in shapes: B rows, P prompt tokens (padded on the left), T generated tokens, V vocabulary rows.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

import torch
from torch import Tensor
from transformers import (
    GenerationConfig,
    LogitsProcessor,
    LogitsProcessorList,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)
from transformers.generation import TopPLogitsWarper

from lightning_modules.decoders import never_generated
from lightning_modules.loss import logits_at


@dataclass(frozen=True)
class GenerationSettings:
    """How text is generated after a prompt."""

    strategy: Literal["greedy", "beam", "sample"] = "greedy"
    """greedy: the most probable token each time; beam: search for the most probable sequence; sample: draw tokens."""
    num_beams: int = 5
    """Sequences kept at each step of `beam`; its cost grows with it. At least 2."""
    temperature: float = 1.0
    """Of `sample`: logits are divided by it; below 1 is less varied."""
    top_p: float = 1.0
    """Of `sample`: draw among the most probable tokens that together have this probability (nucleus sampling)."""
    seed: int = 0
    """Of `sample`: a row's random numbers depend on this seed and on its row index only, not on batch or device count."""
    max_new_tokens: int = 256
    """Stop after this many tokens when the stop token has not come."""

    def __post_init__(self) -> None:
        """Reject values that cannot work, and those that the strategy would ignore.

        Raises:
            ValueError: With the flag, what was expected and what came.
        """
        checks = {
            "strategy": (self.strategy in ("greedy", "beam", "sample"), "greedy, beam or sample"),
            "num_beams": (self.num_beams >= 2, "at least 2 (greedy is 1)"),
            "temperature": (self.temperature > 0, "above 0 (for 0 use strategy greedy)"),
            "top_p": (0 < self.top_p <= 1, "in (0, 1]"),
            "max_new_tokens": (self.max_new_tokens >= 1, "at least 1"),
        }
        for name, (holds, expected) in checks.items():
            if not holds:
                raise ValueError(
                    f"Expected generation.{name} to be {expected}, but got {getattr(self, name)!r}."
                )
        owners = {"num_beams": "beam", "temperature": "sample", "top_p": "sample", "seed": "sample"}
        for name, owner in owners.items():
            if self.strategy != owner and getattr(self, name) != getattr(type(self), name):
                raise ValueError(
                    f"generation.{name}={getattr(self, name)} has no effect with strategy {self.strategy!r}: "
                    f"leave it out, or set generation.strategy to {owner}."
                )


@dataclass(frozen=True)
class Generated:
    """What was generated, row by row."""

    ids: Tensor
    """`(B, T)` int64: the generated tokens with the stop token, then padding."""
    text: list[str]
    """Decoded without special tokens."""
    score: Tensor
    """`(B,)` float32: sum of the log-probabilities (nats) of the generated tokens, stop token included."""
    stopped: Tensor
    """`(B,)` bool: whether the stop token came before `max_new_tokens`."""
    num_tokens: Tensor
    """`(B,)` int64: generated tokens, stop token included."""


@torch.inference_mode()
def generate(
    decoder: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    prompt_ids: Tensor,
    prompt_mask: Tensor,
    settings: GenerationSettings,
    row_index: Tensor | None = None,
) -> Generated:
    """Generate a completion for each prompt.

    The decoder runs in eval mode and gets its mode back. In fp32 a row's completion does not depend on the rows
    beside it. The score is the log-probability under the plain model (temperature 1, no nucleus) over the tokens
    that exist: rows that pad the vocabulary are never generated and have no share in the softmax. Beam search
    ranks finished sequences by that same sum, with no length penalty.

    Args:
        decoder: A causal language model.
        tokenizer: Its tokenizer, with a stop and a padding token (see `decoders.load_tokenizer`).
        prompt_ids: `(B, P)`, padded on the left.
        prompt_mask: `(B, P)`, 1 at real tokens.
        settings: The strategy; fewer tokens than `max_new_tokens` are generated where the context ends.
        row_index: `(B,)`, names the rows for sampling; 0..B-1 when None.

    Raises:
        ValueError: If the prompts leave no room in the decoder's context.
    """
    banned = torch.tensor(never_generated(decoder, tokenizer), dtype=torch.int64, device=prompt_ids.device)
    steps = _room(decoder, prompt_ids.shape[1], settings.max_new_tokens)
    beam = settings.strategy == "beam"
    if row_index is None:
        row_index = torch.arange(len(prompt_ids))
    chooser = _TokenChooser(banned, cast(int, tokenizer.eos_token_id), settings, steps, row_index.tolist())
    config = GenerationConfig(
        max_new_tokens=steps,
        do_sample=False,  # sampling happens in _TokenChooser, with random numbers of the row's own
        num_beams=settings.num_beams if beam else 1,
        length_penalty=0.0 if beam else None,
        early_stopping=False if beam else None,
        repetition_penalty=1.0,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        suppress_tokens=banned.tolist() or None,
    )
    was_training = decoder.training
    decoder.eval()
    try:
        sequences = cast(Any, decoder).generate(
            input_ids=prompt_ids,
            attention_mask=prompt_mask,
            generation_config=config,
            logits_processor=None if beam else LogitsProcessorList([chooser]),
        )
        ids = sequences[:, prompt_ids.shape[1] :]
        real, stopped = _until_stop(ids, cast(int, tokenizer.eos_token_id))
        score = _rescore(decoder, prompt_ids, prompt_mask, ids, real, banned) if beam else chooser.score
    finally:
        decoder.train(was_training)
    ids = ids.masked_fill(~real, cast(int, tokenizer.pad_token_id))
    kept = [row[keep].tolist() for row, keep in zip(ids.cpu(), real.cpu(), strict=True)]
    text = tokenizer.batch_decode(kept, skip_special_tokens=True, clean_up_tokenization_spaces=False)
    return Generated(ids, text, score, stopped, real.sum(dim=1))


def _room(decoder: PreTrainedModel, prompt_length: int, wanted: int) -> int:
    """Return how many tokens may be generated."""
    context = getattr(decoder.config, "max_position_embeddings", None)
    room = wanted if context is None else min(wanted, context - prompt_length)
    if room < 1:
        raise ValueError(
            f"Expected prompts shorter than the decoder's context of {context} tokens, but got one of {prompt_length}."
        )
    return room


def _until_stop(ids: Tensor, stop: int) -> tuple[Tensor, Tensor]:
    """Return which of `ids` `(B, T)` come up to the first stop token `(B, T)`, and which rows have one `(B,)`.

    Positions decide, never ids: the padding after the stop token may be the stop token's own id.
    """
    is_stop = ids == stop
    before = is_stop.cumsum(dim=1) - is_stop.long()  # stop tokens strictly before each position
    return before == 0, is_stop.any(dim=1)


class _TokenChooser(LogitsProcessor):
    """Choose each next token, greedily or at random, and add up the log-probabilities.

    It leaves only the chosen token possible, so that transformers' greedy loop takes it. Nothing of size V is kept
    from step to step (`output_scores` would keep `T * B * V` numbers: 3 GB for 64 rows of an OPT).
    """

    def __init__(
        self, banned: Tensor, stop: int, settings: GenerationSettings, steps: int, rows: Sequence[int]
    ) -> None:
        self.banned, self.stop = banned, stop
        self.temperature = settings.temperature
        self.nucleus = TopPLogitsWarper(settings.top_p) if settings.top_p < 1 else None
        self.uniform_TB = _uniform(settings.seed, rows, steps) if settings.strategy == "sample" else None
        self.step = 0
        self.score = torch.zeros(len(rows), device=banned.device)
        self.finished = torch.zeros(len(rows), dtype=torch.bool, device=banned.device)

    def __call__(self, input_ids: torch.LongTensor, scores: torch.FloatTensor) -> torch.FloatTensor:
        logits_BV = scores.float().index_fill(1, self.banned, -torch.inf)
        token_B1 = (
            logits_BV.argmax(dim=1, keepdim=True)
            if self.uniform_TB is None
            else self._draw(input_ids, logits_BV)
        )
        log_prob_B = logits_BV.gather(1, token_B1)[:, 0] - logits_BV.logsumexp(dim=1)
        self.score += log_prob_B.masked_fill(self.finished, 0.0)
        self.finished |= token_B1[:, 0] == self.stop
        self.step += 1
        return cast(torch.FloatTensor, torch.full_like(scores, -torch.inf).scatter_(1, token_B1, 0.0))

    def _draw(self, input_ids: torch.LongTensor, logits_BV: Tensor) -> Tensor:
        """Invert the cumulative distribution at this step's random number of each row."""
        assert self.uniform_TB is not None
        warped = cast(torch.FloatTensor, logits_BV / self.temperature)
        if self.nucleus is not None:
            warped = self.nucleus(input_ids, warped)
        cumulative = warped.softmax(dim=1).cumsum(dim=1)
        at = (
            self.uniform_TB[self.step, :, None].to(cumulative) * cumulative[:, -1:]
        )  # its end is 1 but for rounding
        token_B1 = torch.searchsorted(cumulative, at, right=True)
        return token_B1.clamp(max=cumulative.shape[1] - 1)


def _uniform(seed: int, rows: Sequence[int], steps: int) -> Tensor:
    """Return random numbers in [0, 1), `(steps, B)`: each row's are a function of (seed, row index) alone."""
    columns = []
    for row in rows:
        generator = torch.Generator().manual_seed((seed * 1_000_003 + row) % 2**63)
        columns.append(torch.rand(steps, generator=generator))
    return torch.stack(columns, dim=1)


def _rescore(
    decoder: PreTrainedModel,
    prompt_ids: Tensor,
    prompt_mask: Tensor,
    ids: Tensor,
    real: Tensor,
    banned: Tensor,
) -> Tensor:
    """Return the score `(B,)` of given completions by one plain forward pass.

    Of use for beams: transformers gives their scores only with all logits of all steps kept.
    """
    mask = torch.cat([prompt_mask, real.to(prompt_mask.dtype)], dim=1)
    inputs: dict[str, Tensor] = {"input_ids": torch.cat([prompt_ids, ids], dim=1), "attention_mask": mask}
    if "position_ids" in inspect.signature(decoder.forward).parameters:
        # without it GPT-2 and GPT-Neo count the padding on the left (errors of 0.3 to 0.5 in the logits)
        inputs["position_ids"] = (mask.cumsum(dim=1) - 1).clamp(min=0)
    keep = torch.zeros_like(mask, dtype=torch.bool)
    keep[:, prompt_ids.shape[1] - 1 : -1] = real  # position t predicts token t + 1
    logits_NV = logits_at(decoder, keep, **inputs).float().index_fill(1, banned, -torch.inf)
    log_prob_N = logits_NV.gather(1, ids[real][:, None])[:, 0] - logits_NV.logsumexp(dim=1)
    return torch.zeros(real.shape, device=ids.device).masked_scatter(real, log_prob_N).sum(dim=1)
