"""Pairs of neighbouring tokens, compared with plain sets."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from datamodules.tokens import token_pairs
from datamodules.tokens.examples import Encoded
from datamodules.tokens.token_pairs import count_new, find_pairs


def draw(count: int, seed: int) -> Encoded:
    random = np.random.default_rng(seed)
    lengths = random.integers(1, 9, count)
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    prompts = np.minimum(lengths, random.integers(0, 9, count)).astype(np.int64)
    return Encoded(random.integers(0, 12, offsets[-1]).astype(np.uint16), offsets, prompts)


def pairs_of(encoded: Encoded, row: int) -> list[int]:
    ids = encoded.prompt(row).tolist()
    return [(one << 32) + other for one, other in pairwise(ids)]


@pytest.mark.parametrize("block", [1, 7, 1000])
def test_pairs_are_those_within_prompts(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(token_pairs, "BLOCK", block)
    trained, asked = draw(40, 0), draw(60, 1)
    known = find_pairs(trained)
    assert known.tolist() == sorted({pair for row in range(40) for pair in pairs_of(trained, row)})
    expected = [sum(pair not in set(known.tolist()) for pair in pairs_of(asked, row)) for row in range(60)]
    assert count_new(asked, known).tolist() == expected
    assert 0 < sum(expected) < 60 * 8
    assert count_new(trained, known).sum() == 0


def test_no_prompts_have_no_pairs() -> None:
    none = Encoded(np.zeros(0, dtype=np.uint16), np.zeros(1, dtype=np.int64), np.zeros(0, dtype=np.int64))
    assert find_pairs(none).tolist() == []
    assert count_new(none, np.zeros(0, dtype=np.uint64)).tolist() == []
