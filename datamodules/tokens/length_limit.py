"""Tokenise the requested number of rows of a side: rows that are too long are skipped and replaced by others."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from datamodules.storage import spill
from datamodules.storage.cache import Payload
from datamodules.tokens.examples import Encoded
from datamodules.tokens.token_files import EncodedSpill


@dataclass(frozen=True)
class Filled:
    """N rows of one side that are short enough, and their tokens."""

    rows: NDArray[np.int64]
    """(N,) row numbers."""
    encoded: Encoded
    long: NDArray[np.int64]
    """(M, 2) the row numbers and token counts of the skipped rows."""


def fill(
    rows_by_task: Sequence[NDArray[np.int64]],
    limit: int | None,
    max_length: int,
    encode: Callable[[NDArray[np.int64]], Encoded],
) -> Filled:
    """Return the first rows of each task that are at most `max_length` tokens long.

    Args:
        rows_by_task: Each task's rows, in the order in which they are taken.
        limit: Maximum number of rows per task; None for all.
        max_length: Maximum number of tokens per row.
        encode: Tokenises rows.
    """
    none = encode(np.zeros(0, dtype=np.int64))
    count = sum(len(rows) if limit is None else min(limit, len(rows)) for rows in rows_by_task)
    tokens = EncodedSpill(none) if count > spill.BLOCK else None
    pieces, rows, long = [none], [np.zeros(0, dtype=np.int64)], [_pairs([], [])]
    for available in rows_by_task:
        for short, encoded, skipped in _limit_task(available, limit, max_length, encode):
            rows.append(short)
            long.append(skipped)
            if tokens is None:
                pieces.append(encoded)
            else:
                tokens.add(encoded)
    joined = Encoded.join(pieces) if tokens is None else tokens.finish()
    return Filled(np.concatenate(rows), joined, np.concatenate(long))


def _limit_task(
    available: NDArray[np.int64],
    limit: int | None,
    max_length: int,
    encode: Callable[[NDArray[np.int64]], Encoded],
) -> Iterator[tuple[NDArray[np.int64], Encoded, NDArray[np.int64]]]:
    """Yield the rows of a task that are short enough, their tokens and those that are not, a block at a time."""
    wanted = len(available) if limit is None else min(limit, len(available))
    tried, kept = 0, 0
    while kept < wanted and tried < len(available):
        # Enough rows if the same share fits as before, plus a margin.
        share = max(kept, 1) / tried if tried else 1.0
        most = min(int((wanted - kept) / share * 1.05) + 50, spill.BLOCK)
        chunk = available[tried : tried + most]
        encoded = encode(chunk)
        fits = encoded.lengths <= max_length
        fits &= np.cumsum(fits) <= wanted - kept
        used = len(chunk) if kept + fits.sum() < wanted else int(np.flatnonzero(fits)[-1]) + 1
        skipped = np.flatnonzero(~fits[:used])
        tried, kept = tried + used, kept + int(fits.sum())
        short = encoded if fits.all() else encoded.take(fits)
        yield chunk[fits], short, _pairs(chunk[skipped], encoded.lengths[skipped])


def _pairs(rows: NDArray[np.int64] | list[int], lengths: NDArray[np.int64] | list[int]) -> NDArray[np.int64]:
    return np.stack([np.asarray(rows, dtype=np.int64), np.asarray(lengths, dtype=np.int64)], axis=1)


def pack(filled: Filled) -> Payload:
    """Return rows and tokens as the arrays that the cache keeps."""
    encoded = filled.encoded
    arrays = {
        "rows": filled.rows,
        "ids": encoded.ids,
        "offsets": encoded.offsets,
        "prompt_lengths": encoded.prompt_lengths,
        "long": filled.long,
    }
    return Payload(arrays if encoded.answers is None else {**arrays, "answers": encoded.answers})


def unpack(payload: Payload) -> Filled:
    """Return the rows and tokens that `pack` converted."""
    arrays = payload.arrays
    encoded = Encoded(arrays["ids"], arrays["offsets"], arrays["prompt_lengths"], arrays.get("answers"))
    return Filled(arrays["rows"], encoded, arrays["long"])
