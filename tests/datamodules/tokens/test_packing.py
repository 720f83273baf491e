from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from datamodules.tokens import packing
from datamodules.tokens.examples import IGNORE_INDEX
from datamodules.tokens.packing import block_mask, choose_packs, pack, pad

LENGTHS = np.random.default_rng(0).integers(3, 60, size=333)


def rows_of(*lengths: int) -> list[np.ndarray]:
    return [
        np.arange(10 * place + 1, 10 * place + 1 + length, dtype=np.int32)
        for place, length in enumerate(lengths)
    ]


def test_pad_of_no_rows_is_empty() -> None:
    assert pad([], 0).shape == (0, 0)


def test_packs_hold_each_row_once_and_are_even() -> None:
    packs = choose_packs(LENGTHS.tolist(), 64)
    assert sorted(row for rows in packs for row in rows) == list(range(len(LENGTHS)))
    assert max(sum(LENGTHS[row] for row in rows) for rows in packs) <= 64
    assert LENGTHS.sum() / (max(sum(LENGTHS[row] for row in rows) for rows in packs) * len(packs)) > 0.95


def test_packs_are_as_many_as_needed() -> None:
    assert choose_packs([5, 5, 5], 7) == [[0], [1], [2]]
    assert choose_packs([7], 7) == [[0]]


def count_sequences(lengths: list[int], capacity: int) -> int:
    """Independent and slow: the least number with which the longest row always going to the shortest sequence fits."""
    for count in range(-(-sum(lengths) // capacity), len(lengths) + 1):
        sums = [0] * count
        for length in sorted(lengths, reverse=True):
            sums[sums.index(min(sums))] += length
        if max(sums) <= capacity:
            return count
    raise AssertionError


def test_packing_takes_as_few_sequences_as_trying_all_counts() -> None:
    rng = np.random.default_rng(0)
    for _ in range(200):
        capacity = int(rng.choice([64, 128, 512]))
        lengths = rng.integers(
            rng.integers(1, capacity), capacity + 1, size=int(rng.integers(1, 65))
        ).tolist()
        assert len(choose_packs(lengths, capacity)) == count_sequences(lengths, capacity)


@pytest.mark.parametrize(
    ("lengths", "capacity", "sequences"),
    [
        ([130] * 2048, 256, 2048),
        ([86] * 3000, 256, 1500),
        (np.random.default_rng(0).integers(60, 200, size=4000).tolist(), 256, 2076),
        ([501] * 1000 + [251] * 1000 + [249] * 1000, 1000, 1177),  # trying all counts: 1,167 in 167 tries
    ],
)
def test_packing_many_rows_takes_few_tries(
    lengths: list[int], capacity: int, sequences: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries = []
    pack_evenly = packing._pack_evenly

    def count(*args: Any) -> list[list[int]] | None:
        tries.append(args)
        return pack_evenly(*args)

    monkeypatch.setattr(packing, "_pack_evenly", count)
    packs = choose_packs(lengths, capacity)
    assert sorted(row for rows in packs for row in rows) == list(range(len(lengths)))
    assert max(sum(lengths[row] for row in rows) for rows in packs) <= capacity
    assert len(packs) <= sequences
    assert len(tries) <= 60


def test_block_mask_equals_that_of_a_loop() -> None:
    segments = torch.tensor([[1, 1, 2, 2, 2, 0]])
    mask = block_mask(segments)
    assert mask.shape == (1, 1, 6, 6)
    for query in range(6):
        for key in range(6):
            allowed = key <= query and segments[0, key] == segments[0, query]
            assert (mask[0, 0, query, key] == 0) == bool(allowed)


def test_packing_lays_rows_end_to_end() -> None:
    ids = rows_of(3, 4, 2)
    batch = pack(ids, [row.astype(np.int64) for row in ids], 7, 0)
    assert batch["input_ids"].tolist() == [[*ids[1], 0], [*ids[0], *ids[2]]]
    assert batch["position_ids"].tolist() == [[0, 1, 2, 3, 0], [0, 1, 2, 0, 1]]
    # A row's first token is not supervised, or it would be learned from the row before.
    assert batch["labels"].tolist()[1] == [IGNORE_INDEX, *ids[0][1:], IGNORE_INDEX, ids[2][1]]
