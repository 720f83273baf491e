from __future__ import annotations

import numpy as np
import pytest

from datamodules.storage import spill
from datamodules.tokens.examples import Encoded
from datamodules.tokens.length_limit import fill
from datamodules.tokens.token_files import encode_in_blocks

LENGTHS = np.random.default_rng(0).integers(1, 12, size=2000)


def encode(rows: np.ndarray, marks: bool = True) -> Encoded:
    """A row has as many tokens as `LENGTHS` says, each of them its own number."""
    lengths = LENGTHS[rows]
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    ids = np.repeat(rows, lengths).astype(np.uint16)
    return Encoded(ids, offsets, lengths - 1, ids % 2 == 0 if marks else None)


def same(one: Encoded, other: Encoded) -> bool:
    names = ("ids", "offsets", "prompt_lengths", "answers")
    pairs = [(getattr(one, name), getattr(other, name)) for name in names]
    return all(
        left is right is None or (left.dtype == right.dtype and np.array_equal(left, right))
        for left, right in pairs
    )


@pytest.mark.parametrize("marks", [True, False])
def test_tokens_of_blocks_are_those_of_all_rows_at_once(marks: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = np.random.default_rng(1).permutation(2000)
    whole = encode(rows, marks)
    monkeypatch.setattr(spill, "BLOCK", 300)
    assert same(encode_in_blocks(lambda block: encode(block, marks), rows), whole)


@pytest.mark.parametrize("limit", [None, 0, 1, 299, 900, 5000])
def test_rows_that_are_short_enough_are_the_same_in_blocks(
    limit: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    candidates = [np.random.default_rng(1).permutation(1500), np.arange(1500, 2000)]
    whole = fill(candidates, limit, 6, encode)
    asked: list[int] = []
    monkeypatch.setattr(spill, "BLOCK", 300)

    def encode_few(rows: np.ndarray) -> Encoded:
        asked.append(len(rows))
        return encode(rows)

    found = fill(candidates, limit, 6, encode_few)
    assert max(asked) <= 300
    assert same(found.encoded, whole.encoded)
    assert found.rows.tolist() == whole.rows.tolist()
    assert found.long.tolist() == whole.long.tolist()
