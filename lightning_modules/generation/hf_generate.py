"""Generate with transformers: beam search, and architectures that `continuous_batching` does not support.

Letters in shapes: N rows, P prompt tokens (padded on the left), T generated tokens, V vocabulary rows, B rows of
a batch.
"""

from __future__ import annotations

import inspect
from typing import Any, cast

import torch
from torch import Tensor
from transformers import (
    GenerationConfig,
    LogitsProcessor,
    LogitsProcessorList,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from lightning_modules.decoder.forward import logits_at, widened
from lightning_modules.generation.continuous_batching import Chooser


def generate_through_transformers(
    decoder: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    prompt_ids: Tensor,
    prompt_mask: Tensor,
    room: Tensor,
    choose: Chooser,
    banned: Tensor,
    slots: int,
    num_beams: int | None = None,
) -> tuple[Tensor, Tensor]:
    """Generate in batches; return tokens and log-probabilities in the form of `continuous_batching.decode`.

    Args:
        decoder: A causal language model in eval mode.
        tokenizer: Its tokenizer.
        prompt_ids: `(N, P)` int64, padded on the left.
        prompt_mask: `(N, P)`, 1 at real tokens.
        room: `(N,)` int64, most tokens to generate for each prompt.
        choose: Chooses the next tokens; beam search does not use it.
        banned: Ids that are never chosen.
        slots: Most rows in a batch.
        num_beams: Sequences kept at each step of a beam search; None for no beam search.
    """
    all_ids = prompt_ids.new_full((len(prompt_ids), int(room.max())), -1)
    all_log_prob = torch.zeros(all_ids.shape, dtype=widened(decoder.dtype), device=prompt_ids.device)
    for batch in _cut_batches(prompt_mask.sum(dim=1).tolist(), room.tolist(), slots):
        rows = torch.tensor(batch, device=prompt_ids.device)
        width = max(1, int(prompt_mask[rows].sum(dim=1).max()))
        prompts, mask = prompt_ids[rows, -width:], prompt_mask[rows, -width:]
        processor = _ChoosingProcessor(choose, rows)
        config = GenerationConfig(
            max_new_tokens=int(room[rows[0]]),
            do_sample=False,  # the chooser samples, with each row's own random numbers
            num_beams=num_beams or 1,
            length_penalty=0.0 if num_beams else None,
            early_stopping=False if num_beams else None,
            repetition_penalty=1.0,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
            suppress_tokens=banned.tolist() or None,
        )
        sequences = cast(Any, decoder).generate(
            input_ids=prompts,
            attention_mask=mask,
            generation_config=config,
            logits_processor=None if num_beams else LogitsProcessorList([processor]),
        )
        ids = sequences[:, width:]
        real = _until_stop(ids, cast(int, tokenizer.eos_token_id))
        log_prob = (
            _rescore(decoder, prompts, mask, ids, real, banned)
            if num_beams
            else torch.stack(processor.log_prob, dim=1) * real
        )
        all_ids[rows, : ids.shape[1]] = ids.masked_fill(~real, -1)
        all_log_prob[rows, : ids.shape[1]] = log_prob.to(
            all_log_prob.dtype
        )  # transformers computes in float32
    return all_ids, all_log_prob


def _cut_batches(lengths: list[int], room: list[int], size: int) -> list[list[int]]:
    """Group rows in batches of at most `size`, longest prompts first; all rows of a batch have the same room."""
    batches: list[list[int]] = []
    for row in sorted(range(len(lengths)), key=lambda row: -lengths[row]):
        if not batches or len(batches[-1]) == size or room[batches[-1][0]] != room[row]:
            batches.append([])
        batches[-1].append(row)
    return batches


def _until_stop(ids: Tensor, stop: int) -> Tensor:
    """Return a mask `(B, T)` of the `ids` `(B, T)` up to and including the first stop token.

    Ids alone are ambiguous: the padding after the stop token may have the stop token's id.
    """
    is_stop = ids == stop
    return is_stop.cumsum(dim=1) - is_stop.long() == 0  # stop tokens strictly before each position


class _ChoosingProcessor(LogitsProcessor):
    """Lets a chooser choose the tokens of a batch, and keeps their log-probabilities.

    It masks all tokens but the chosen one, so that transformers' greedy loop takes it. No tensor of size V is kept between
    steps (`output_scores` would keep `T * B * V` numbers: 3 GB for 64 rows of an OPT).
    """

    def __init__(self, choose: Chooser, rows: Tensor) -> None:
        self.choose, self.rows = choose, rows
        self.log_prob: list[Tensor] = []

    def __call__(self, input_ids: torch.LongTensor, scores: torch.FloatTensor) -> torch.FloatTensor:
        steps = torch.full_like(self.rows, len(self.log_prob))
        last = input_ids[:, -1] if self.log_prob else torch.full_like(self.rows, -1)
        token, log_prob = self.choose(scores, self.rows, steps, last)
        self.log_prob.append(log_prob)
        return cast(torch.FloatTensor, torch.full_like(scores, -torch.inf).scatter_(1, token[:, None], 0.0))


def _rescore(
    decoder: PreTrainedModel,
    prompt_ids: Tensor,
    prompt_mask: Tensor,
    ids: Tensor,
    real: Tensor,
    banned: Tensor,
) -> Tensor:
    """Return the log-probabilities `(B, T)` of given completions from one plain forward pass.

    Used for beams: transformers gives their scores only if it keeps all logits of all steps.
    """
    mask = torch.cat([prompt_mask, real.to(prompt_mask.dtype)], dim=1)
    inputs: dict[str, Tensor] = {"input_ids": torch.cat([prompt_ids, ids], dim=1), "attention_mask": mask}
    if "position_ids" in inspect.signature(decoder.forward).parameters:
        # without them GPT-2 and GPT-Neo count the left padding (errors of 0.3 to 0.5 in the logits)
        inputs["position_ids"] = (mask.cumsum(dim=1) - 1).clamp(min=0)
    keep = torch.zeros_like(mask, dtype=torch.bool)
    keep[:, prompt_ids.shape[1] - 1 : -1] = real  # position t predicts token t + 1
    positions_N = keep.flatten().nonzero()[:, 0]
    logits_NV = logits_at(decoder, positions_N, **inputs).to(widened(decoder.dtype))
    logits_NV = logits_NV.index_fill(1, banned, -torch.inf)
    log_prob_N = logits_NV.gather(1, ids[real][:, None])[:, 0] - logits_NV.logsumexp(dim=1)
    return log_prob_N.new_zeros(real.shape).masked_scatter(real, log_prob_N)
