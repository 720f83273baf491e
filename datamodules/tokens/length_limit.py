"""As many rows of a side as asked for, as tokens: those over the longest length make room for others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from datamodules.storage.cache import Payload
from datamodules.tokens.examples import Encoded


@dataclass(frozen=True)
class Filled:
    """N rows of one side and their tokens."""

    rows: NDArray[np.int64]
    """(N,) row numbers."""
    encoded: Encoded
    long: NDArray[np.int64]
    """(M, 2) the rows that were too long, and their lengths in tokens."""


def fill(
    candidates: Sequence[NDArray[np.int64]],
    limit: int | None,
    max_length: int,
    encode: Callable[[NDArray[np.int64]], Encoded],
) -> Filled:
    """Return the first rows of each task that fit.

    Args:
        candidates: Each task's rows, in the order in which they are taken.
        limit: Most rows a task; None for all.
        max_length: Most tokens of a row.
        encode: Gives the tokens of rows.
    """
    filled = [_fill_one(rows, limit, max_length, encode) for rows in candidates]
    return Filled(
        np.concatenate([one.rows for one in filled]),
        Encoded.join([one.encoded for one in filled]),
        np.concatenate([one.long for one in filled]),
    )


def _fill_one(
    candidates: NDArray[np.int64],
    limit: int | None,
    max_length: int,
    encode: Callable[[NDArray[np.int64]], Encoded],
) -> Filled:
    wanted = len(candidates) if limit is None else min(limit, len(candidates))
    rows, pieces, long, tried, kept = [candidates[:0]], [encode(candidates[:0])], [_pairs([], [])], 0, 0
    while kept < wanted and tried < len(candidates):
        # As many as will do if as large a share fits as before, and a few more.
        share = max(kept, 1) / tried if tried else 1.0
        chunk = candidates[tried : tried + int((wanted - kept) / share * 1.05) + 50]
        encoded = encode(chunk)
        fits = encoded.lengths <= max_length
        fits &= np.cumsum(fits) <= wanted - kept
        used = len(chunk) if kept + fits.sum() < wanted else int(np.flatnonzero(fits)[-1]) + 1
        refused = np.flatnonzero(~fits[:used])
        long.append(_pairs(chunk[refused], encoded.lengths[refused]))
        rows.append(chunk[fits])
        pieces.append(encoded if fits.all() else encoded.take(fits))
        tried, kept = tried + used, kept + int(fits.sum())
    return Filled(np.concatenate(rows), Encoded.join(pieces), np.concatenate(long))


def _pairs(rows: NDArray[np.int64] | list[int], lengths: NDArray[np.int64] | list[int]) -> NDArray[np.int64]:
    return np.stack([np.asarray(rows, dtype=np.int64), np.asarray(lengths, dtype=np.int64)], axis=1)


def pack(filled: Filled) -> Payload:
    """Return filled rows as the arrays that the cache keeps."""
    encoded = filled.encoded
    return Payload(
        {
            "rows": filled.rows,
            "ids": encoded.ids,
            "offsets": encoded.offsets,
            "prompt_lengths": encoded.prompt_lengths,
            "long": filled.long,
        }
    )


def unpack(payload: Payload) -> Filled:
    """Return the rows that `pack` packed."""
    arrays = payload.arrays
    encoded = Encoded(arrays["ids"], arrays["offsets"], arrays["prompt_lengths"])
    return Filled(arrays["rows"], encoded, arrays["long"])
