"""Rows that are asked in every phrasing of their task."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from datamodules.texts.rendering import RowStore
from datamodules.tokens.examples import Encoded


class Asked(NamedTuple):
    """N rows in all their phrasings, M in all: the first phrasing of each row, then the second, ..."""

    rows: NDArray[np.int64]
    """(M,) row numbers."""
    phrasings: NDArray[np.int64]
    """(M,) the number of the phrasing, from 0."""
    encoded: Encoded
    """Their tokens."""
    too_long: NDArray[np.int64]
    """The numbers of the rows that are longer than the limit in one of their phrasings; they are left out in all."""


def ask_all(
    store: RowStore, rows: NDArray[np.int64], first: Encoded, counts: NDArray[np.int64], max_length: int
) -> Asked:
    """Ask rows in all phrasings of their tasks.

    Args:
        store: The rows.
        rows: (N,) row numbers.
        first: Their tokens in the first phrasing.
        counts: (N,) how many phrasings each row's task has.
        max_length: Maximum number of tokens.

    Raises:
        ValueError: If the format does not show the phrasing.
    """
    if not store.form.uses_instruction:
        raise ValueError(
            f"--data.ask all needs a format that shows the instruction, but {store.form.name} shows none: choose another "
            "--data.format (e.g. plain), or --data.ask first."
        )
    others = range(1, int(counts.max(initial=1)))
    encoded = [first, *(store.with_phrasing(number).encode(rows) for number in others)]
    asked = [counts > number for number in range(len(encoded))]
    fits = np.ones(len(rows), dtype=bool)
    for one, places in zip(encoded, asked, strict=True):
        fits &= ~places | (one.lengths <= max_length)
    kept = [fits & places for places in asked]
    return Asked(
        np.concatenate([rows[places] for places in kept]),
        np.repeat(np.arange(len(kept)), [int(places.sum()) for places in kept]),
        Encoded.join([one.take(places) for one, places in zip(encoded, kept, strict=True)]),
        rows[~fits],
    )
