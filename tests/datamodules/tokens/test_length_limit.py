from __future__ import annotations

import numpy as np
import pytest

from datamodules.tokens.examples import Encoded
from datamodules.tokens.length_limit import fill, pack, unpack

LENGTHS = np.random.default_rng(0).integers(1, 12, size=2000)


def encode(rows: np.ndarray) -> Encoded:
    """A row has as many tokens as `LENGTHS` says, each of them its own number."""
    lengths = LENGTHS[rows]
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    return Encoded(np.repeat(rows, lengths).astype(np.int32), offsets, lengths - 1)


@pytest.mark.parametrize("limit", [None, 0, 1, 300, 900, 5000])
@pytest.mark.parametrize("longest", [0, 5, 12])
def test_length_limit_takes_the_first_rows_that_fit(limit: int | None, longest: int) -> None:
    candidates = [np.random.default_rng(1).permutation(1500), np.arange(1500, 2000)]
    filled = fill(candidates, limit, longest, encode)
    expected, long = [], []
    for rows in candidates:
        taken = 0
        for row in rows.tolist():
            if limit is not None and taken >= limit:
                break
            fits = LENGTHS[row] <= longest
            taken += fits
            (expected if fits else long).append(row)
    assert filled.rows.tolist() == expected
    assert filled.long.tolist() == [[row, LENGTHS[row]] for row in long]
    assert [set(filled.encoded.example(number).tolist()) for number in range(len(expected))] == [
        {row} for row in expected
    ]


def test_filled_rows_are_packed_and_unpacked() -> None:
    filled = fill([np.arange(100)], 50, 8, encode)
    again = unpack(pack(filled))
    assert (again.rows == filled.rows).all()
    assert (again.long == filled.long).all()
    for name in ("ids", "offsets", "prompt_lengths"):
        assert (getattr(again.encoded, name) == getattr(filled.encoded, name)).all()
