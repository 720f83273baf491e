"""Packing: several rows end to end in one sequence, each processed as if alone. Pure functions.

Legend: B sequences of a batch, T tokens of the longest, R rows.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from datamodules.tokens.examples import IGNORE_INDEX

FINE_TRIES = 16
"""Number of sequence counts that are tried one by one. In 6,000 random batches, none of up to 64 rows took more than 12."""


def choose_packs(lengths: Sequence[int], capacity: int) -> list[list[int]]:
    """Group rows into sequences of at most `capacity` tokens: each row once, sequences about equally long.

    Sequences are padded to the longest of a batch, so equal lengths waste least. The count of sequences is raised from a
    lower bound until equally long sequences fit. The first `FINE_TRIES` steps are of one; later steps grow to 1/`FINE_TRIES`
    of the distance from the bound. So many rows take few tries, and the count exceeds the smallest one by at most that
    fraction of the distance.

    Examples:
        >>> choose_packs([90, 60, 30, 30, 10], capacity=128)
        [[0, 3], [1, 2, 4]]
    """
    assert max(lengths) <= capacity, "rows longer than the context must be skipped before packing"
    order = sorted(range(len(lengths)), key=lambda row: -lengths[row])
    # The k longest rows are all at least as long as the k-th, so a sequence holds at most capacity // (its length) rows.
    least = max(-(-place // (capacity // max(1, lengths[row]))) for place, row in enumerate(order, 1))
    least = count = max(least, -(-sum(lengths) // capacity))
    while (packs := _pack_evenly(order, lengths, capacity, count)) is None:
        count += 1 + (count - least) // FINE_TRIES
    return packs


def _pack_evenly(
    order: Sequence[int], lengths: Sequence[int], capacity: int, count: int
) -> list[list[int]] | None:
    """Assign rows, longest first, to the shortest of `count` sequences (Graham's LPT rule, 1969); None if one does not fit."""
    packs: list[list[int]] = [[] for _ in range(count)]
    shortest = [(0, number) for number in range(count)]
    for row in order:
        length, number = shortest[0]
        if length + lengths[row] > capacity:
            return None
        packs[number].append(row)
        heapq.heapreplace(shortest, (length + lengths[row], number))
    return packs


def block_mask(segments: Tensor) -> Tensor:
    """Return the additive attention mask that lets a token attend only to itself and earlier tokens of its row.

    Position ids alone do not isolate packed rows in every architecture (they never do in OPT), and a boolean 4D mask is
    wrong with eager attention. An additive float mask is correct in all architectures that were tested.

    Args:
        segments: (B, T) int64, the number of each token's row, 0 for padding.

    Returns:
        (B, 1, T, T) float32: 0 where attention is allowed, the lowest float elsewhere.

    Examples:
        >>> (block_mask(torch.tensor([[1, 1, 2, 0]]))[0, 0] == 0).int().tolist()
        [[1, 0, 0, 0], [1, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]
    """
    same = segments[:, :, None] == segments[:, None, :]
    causal = torch.ones(segments.shape[1], segments.shape[1], dtype=torch.bool).tril()
    allowed = (same & causal)[:, None]
    return torch.zeros(allowed.shape).masked_fill(~allowed, torch.finfo(torch.float32).min)


def pack(
    ids: Sequence[NDArray[np.int32]], labels: Sequence[NDArray[np.int64]], capacity: int, pad_id: int
) -> dict[str, Tensor]:
    """Concatenate rows into fewer sequences, with the same loss as padded rows.

    A row's first token is never supervised: it would be predicted from the previous row.

    Args:
        ids: R rows of token ids.
        labels: The labels of these rows.
        capacity: Maximum length of a sequence in tokens.
        pad_id: Token that pads the end of a sequence.

    Returns:
        `input_ids`, `labels` and `position_ids` (B, T) int64, and `attention_mask` (B, 1, T, T) float32.
    """
    packs = choose_packs([len(row) for row in ids], capacity)
    own_labels = [np.concatenate([[IGNORE_INDEX], row[1:]]) for row in labels]
    segments = [np.repeat(np.arange(1, len(rows) + 1), [len(ids[row]) for row in rows]) for rows in packs]
    positions = [np.concatenate([np.arange(len(ids[row])) for row in rows]) for rows in packs]
    return {
        "input_ids": pad([np.concatenate([ids[row] for row in rows]) for rows in packs], pad_id),
        "labels": pad([np.concatenate([own_labels[row] for row in rows]) for rows in packs], IGNORE_INDEX),
        "position_ids": pad(positions, 0),
        "attention_mask": block_mask(pad(segments, 0)),
    }


def pad(rows: Sequence[NDArray[np.integer]], value: int, *, left: bool = False) -> Tensor:
    """Stack rows of different lengths as (B, T) int64, padded with `value` on the right or on the left.

    Right-padded causal training needs no attention mask: padding comes after every real token.

    Examples:
        >>> rows = [np.array([5, 6, 7]), np.array([8])]
        >>> pad(rows, 0).tolist(), pad(rows, 0, left=True).tolist()
        ([[5, 6, 7], [8, 0, 0]], [[5, 6, 7], [0, 0, 8]])
    """
    stacked = np.full((len(rows), max((len(row) for row in rows), default=0)), value, dtype=np.int64)
    for place, row in enumerate(rows):
        if left:
            stacked[place, stacked.shape[1] - len(row) :] = row
        else:
            stacked[place, : len(row)] = row
    return torch.from_numpy(stacked)


def pad_prompts(prompts: Sequence[NDArray[np.integer]], value: int) -> tuple[Tensor, Tensor]:
    """Stack prompts for generation as (B, P) int64, padded on the left with `value`, with a mask (B, P): 0 on padding.

    Examples:
        >>> ids, mask = pad_prompts([np.array([5, 6, 7]), np.array([8])], 0)
        >>> ids.tolist(), mask.tolist()
        ([[5, 6, 7], [0, 0, 8]], [[1, 1, 1], [0, 0, 1]])
    """
    return pad(prompts, value, left=True), pad([np.ones_like(prompt) for prompt in prompts], 0, left=True)
