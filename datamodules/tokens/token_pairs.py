"""Neighbouring pairs of prompt tokens: those that a model was asked with in training, and how many of a question are new to it.

A question with pairs that training never had is unlike it, whatever the notation: a text's words may all be known, but not
side by side.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from datamodules.tokens.examples import Encoded

BLOCK = 100_000
"""Prompts at a time."""


def find_pairs(encoded: Encoded) -> NDArray[np.uint64]:
    """Return the different pairs of all prompts, sorted.

    Examples:
        >>> encoded = Encoded(np.array([1, 2, 1, 2, 9, 1, 3]), offsets=np.array([0, 5, 7]), prompt_lengths=np.array([4, 2]))
        >>> [(int(pair >> np.uint64(32)), int(pair & np.uint64(2**32 - 1))) for pair in find_pairs(encoded)]
        [(1, 2), (1, 3), (2, 1)]
    """
    found = np.zeros(0, dtype=np.uint64)
    for _, pairs, _ in _blocks(encoded):
        found = np.union1d(found, pairs)
    return found


def count_new(encoded: Encoded, known: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Return how many pairs of each prompt, (N,), are none of the known ones.

    Examples:
        >>> encoded = Encoded(np.array([1, 2, 1, 2, 9, 1, 3]), offsets=np.array([0, 5, 7]), prompt_lengths=np.array([4, 2]))
        >>> count_new(encoded, find_pairs(encoded)[:1]).tolist()
        [1, 1]
    """
    counts = np.zeros(len(encoded), dtype=np.int64)
    for start, pairs, rows in _blocks(encoded):
        found = counts[start : start + BLOCK]
        found += np.bincount(rows[~np.isin(pairs, known)], minlength=len(found))
    return counts


def _blocks(encoded: Encoded) -> Iterator[tuple[int, NDArray[np.uint64], NDArray[np.int64]]]:
    """Yield the first row of a block, the pairs of its prompts, and each pair's row in the block."""
    for start in range(0, len(encoded), BLOCK):
        prompts = encoded.pick(np.arange(start, min(start + BLOCK, len(encoded)))).prompts_only()
        rows = np.repeat(np.arange(len(prompts)), prompts.lengths)
        ids = prompts.ids.astype(np.uint64)
        inside = rows[1:] == rows[:-1]
        yield start, ((ids[:-1] << np.uint64(32)) | ids[1:])[inside], rows[:-1][inside]
