"""Score the answers that a row allows, instead of generating text. Pure torch and transformers.

A row's choices share one pass over its prompt, as in UniMC (P. Yang et al., arXiv 2210.08590) and the multiple-choice tasks of
lm-evaluation-harness.

Letters in shapes: B rows, P prompt tokens, C choices of all rows together, L tokens of the longest choice, K most choices of
a row.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor
from transformers import PreTrainedModel

from lightning_modules.decoder.forward import in_eval_mode, logits_at, widened
from lightning_modules.decoder.shared_prefix import encode_prefix
from lightning_modules.generation.settings import ChoiceScore


class Choices(NamedTuple):
    """The choices of B rows."""

    ids: Tensor
    """`(C, L)` int64: the tokens of each choice with its stop token, padded on the right."""
    lengths: Tensor
    """`(C,)` int64: the number of its tokens."""
    rows: Tensor
    """`(C,)` int64: the row of each choice, ascending."""


@torch.inference_mode()
def score_choices(
    decoder: PreTrainedModel, prompt_ids: Tensor, prompt_mask: Tensor, choices: Choices, slots: int
) -> Tensor:
    """Return the log-probability `(C,)` of each choice behind its row's prompt, in nats, at least float32.

    Rows with prompts of one length run together, so that nothing but the choices is padded: the prompts are encoded once, and
    their keys and values are repeated for each row's choices.

    Args:
        decoder: A causal language model.
        prompt_ids: `(B, P)`, padded on the left.
        prompt_mask: `(B, P)`, 1 at real tokens.
        choices: The rows' choices.
        slots: Most sequences of choices to run at once; a row's own choices always run together.
    """
    scores = torch.zeros(len(choices.ids), dtype=widened(decoder.dtype), device=prompt_ids.device)
    lengths = prompt_mask.sum(dim=1).clamp(min=1)  # one padding token replaces an empty prompt
    with in_eval_mode(decoder):
        for members in _groups(lengths, choices.rows, slots):
            prompts = prompt_ids[members][:, prompt_ids.shape[1] - int(lengths[members[0]]) :]
            places = torch.isin(choices.rows, members).nonzero()[:, 0]
            repeats = torch.searchsorted(members, choices.rows[places])
            scores[places] = _score_group(
                decoder, prompts, repeats, choices.ids[places], choices.lengths[places]
            )
    return scores


def _groups(lengths: Tensor, rows: Tensor, slots: int) -> Iterator[Tensor]:
    """Yield rows with prompts of one length, ascending, with at most `slots` choices together."""
    counts = torch.bincount(rows, minlength=len(lengths)).tolist()
    by_length: dict[int, list[int]] = {}
    for row, length in enumerate(lengths.tolist()):
        if counts[row]:
            by_length.setdefault(length, []).append(row)
    for members in by_length.values():
        group: list[int] = []
        for row in members:
            if group and sum(counts[one] for one in group) + counts[row] > slots:
                yield torch.tensor(group, device=rows.device)
                group = []
            group.append(row)
        yield torch.tensor(group, device=rows.device)


def _score_group(
    decoder: PreTrainedModel, prompts: Tensor, repeats: Tensor, ids: Tensor, lengths: Tensor
) -> Tensor:
    """Return the log-probabilities `(c,)` of choices `(c, L)` behind prompts `(b, P)` of one length; `repeats` names theirs."""
    ids = ids[:, : int(lengths.max())]
    inputs: dict[str, Any] = {}
    if prompts.shape[1] > 1:
        cache = encode_prefix(decoder, prompts[:, :-1])
        cache.batch_select_indices(repeats)
        inputs = {"past_key_values": cache, "use_cache": True}
    # The prompt's last token predicts a choice's first one.
    tokens = torch.cat([prompts[repeats, -1:], ids[:, :-1]], dim=1)
    real = torch.arange(ids.shape[1], device=ids.device) < lengths[:, None]
    positions = real.flatten().nonzero()[:, 0]
    logits = logits_at(decoder, positions, input_ids=tokens, **inputs)
    targets = ids.flatten()[positions]
    taken = -F.cross_entropy(logits.to(widened(logits.dtype)), targets, reduction="none")
    sums = torch.zeros(len(ids), dtype=taken.dtype, device=taken.device)
    return sums.index_add(0, positions // ids.shape[1], taken)


def normalize_scores(
    scores: Tensor, choices: Choices, count: int, how: ChoiceScore = "sum", nulls: Tensor | None = None
) -> Tensor:
    """Return each row's log-probabilities over its choices, `(B, K)`, and minus infinity behind a row's last choice.

    Args:
        scores: `(C,)` log-probabilities behind the prompts.
        choices: The rows' choices.
        count: The number of rows, B.
        how: `sum`: by the whole text's probability; `mean`: by that of a token, so that long choices are not at a disadvantage;
            `pmi`: by how much the input makes the choice more probable (A. Holtzman et al., arXiv 2104.08315).
        nulls: `(C,)` log-probabilities behind the prompts without an input, for `pmi`.
    """
    if how == "mean":
        scores = scores / choices.lengths
    elif how == "pmi":
        assert nulls is not None, "pmi needs the scores without an input"
        scores = scores - nulls
    counts = torch.bincount(choices.rows, minlength=count)
    starts = counts.cumsum(0) - counts
    table = scores.new_full((count, int(counts.max()) if count else 0), -torch.inf)
    numbers = torch.arange(len(scores), device=scores.device) - starts[choices.rows]
    table[choices.rows, numbers] = scores
    filled = counts > 0
    table[filled] = torch.log_softmax(table[filled], dim=1)
    return table
