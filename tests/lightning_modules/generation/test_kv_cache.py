"""The slots' keys and values: each row sees its own, whoever was in the slot before. Numbers stand for states."""

from __future__ import annotations

import pytest
import torch

from lightning_modules.generation import kv_cache
from lightning_modules.generation.kv_cache import Layers, SlotCache

LOWEST = torch.finfo(torch.float32).min


def rows_of(*rows: list[int]) -> tuple[Layers, torch.Tensor]:
    """Keys and values of one layer with one head of size 1, padded on the right with 99, and the rows' lengths."""
    width = max(map(len, rows))
    keys = torch.tensor([row + [99] * (width - len(row)) for row in rows], dtype=torch.float32)[
        :, None, :, None
    ]
    return [(keys, -keys)], torch.tensor([len(row) for row in rows])


def seen(cache: SlotCache) -> list[list[int]]:
    """What each slot may see of its keys; its values are the same below zero."""
    [layer] = cache.slot_layers
    mask = cache.blocked[:, cache.start : cache.end]
    assert set(mask.unique().tolist()) <= {0.0, LOWEST}
    for keys, values, blocked in zip(layer.keys[:, 0, :, 0], layer.values[:, 0, :, 0], mask, strict=True):
        assert torch.equal(keys[blocked == 0], -values[blocked == 0])
    return [
        [int(key) for key in keys[blocked == 0]]
        for keys, blocked in zip(layer.keys[:, 0, :, 0], mask, strict=True)
    ]


def step(cache: SlotCache, *states: int) -> torch.Tensor:
    """Write a column, as the decoder does in a step."""
    mask = cache.open_column()
    column = torch.tensor(states, dtype=torch.float32)[:, None, None, None]
    cache.slot_layers[0].update(column, -column)
    return mask


@pytest.fixture
def cache(monkeypatch: pytest.MonkeyPatch) -> SlotCache:
    """Two slots with rows of one and three columns, and room for two more."""
    monkeypatch.setattr(kv_cache, "SPARE", 2)
    rows, lengths = rows_of([1], [2, 3, 4])
    cache = SlotCache(2, like=rows, dtype=torch.float32)
    cache.move_in(torch.tensor([0, 1]), rows, lengths)
    return cache


def test_rows_end_in_the_same_column_and_see_themselves_only(cache: SlotCache) -> None:
    assert seen(cache) == [[1], [2, 3, 4]]
    assert step(cache, 5, 6).tolist() == [[LOWEST, LOWEST, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0]]
    assert seen(cache) == [[1, 5], [2, 3, 4, 6]]


def test_buffers_that_are_full_are_copied(cache: SlotCache) -> None:
    for number in range(5):
        step(cache, 10 + number, 20 + number)
    assert seen(cache) == [[1, *range(10, 15)], [2, 3, 4, *range(20, 25)]]


def test_a_row_moves_into_a_freed_slot_and_sees_nothing_of_who_was_there(cache: SlotCache) -> None:
    step(cache, 5, 6)
    rows, lengths = rows_of([7, 8])
    cache.move_in(torch.tensor([1]), rows, lengths)
    assert seen(cache) == [[1, 5], [7, 8]]
    rows, lengths = rows_of(list(range(30, 39)))  # longer than all columns there are
    cache.move_in(torch.tensor([0]), rows, lengths)
    assert seen(cache) == [list(range(30, 39)), [7, 8]]
    step(cache, 50, 51)
    assert seen(cache) == [[*range(30, 39), 50], [7, 8, 51]]


def test_columns_that_no_row_needs_are_dropped_and_so_are_slots(cache: SlotCache) -> None:
    step(cache, 5, 6)
    cache.narrow(2)
    assert seen(cache) == [[1, 5], [4, 6]]
    cache.repack(torch.tensor([0]))
    assert seen(cache) == [[1, 5]]
    step(cache, 9)
    assert seen(cache) == [[1, 5, 9]]
