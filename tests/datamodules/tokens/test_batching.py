from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from datamodules.tokens.batching import (
    FILLER,
    POOL_BATCHES,
    BatchDataset,
    RankSampler,
    plan_evaluation,
    plan_training,
    shared_prefix,
)
from datamodules.tokens.examples import IGNORE_INDEX, Encoded

RNG = np.random.default_rng(0)
LENGTHS = RNG.integers(3, 60, size=333)


def make_encoded(lengths: list[int]) -> Encoded:
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    ids = RNG.integers(3, 99, size=offsets[-1]).astype(np.int32)
    return Encoded(ids, offsets, np.maximum(1, np.array(lengths) // 2).astype(np.int64))


def test_steps_without_length_buckets_have_about_as_many_tokens() -> None:
    lengths = np.random.default_rng(0).integers(5, 100, size=1000)
    spread = []
    for by_length in (True, False):
        plan = plan_training(lengths, 50, 1, 0, 0, by_length)
        assert sorted(np.concatenate(plan).tolist()) == list(range(1000))
        tokens = [lengths[rows].sum() for rows in plan]
        spread.append(max(tokens) / min(tokens))
    assert spread[0] > 3 > 1.6 > spread[1]


@pytest.mark.parametrize("world_size", [1, 2, 3])
@pytest.mark.parametrize("batch_size", [1, 8, 1000])
def test_training_plan_has_each_row_once_an_epoch(batch_size: int, world_size: int) -> None:
    plan = plan_training(LENGTHS, batch_size, world_size, seed=1, epoch=2)
    assert sorted(np.concatenate(plan)) == list(range(len(LENGTHS)))
    assert len(plan) % world_size == 0
    assert max(len(batch) for batch in plan) <= batch_size


def test_training_order_is_a_function_of_seed_and_epoch() -> None:
    def order(**change: int) -> list[int]:
        return np.concatenate(plan_training(LENGTHS, 8, 1, **{"seed": 1, "epoch": 2, **change})).tolist()

    assert order() == order()
    assert order() != order(epoch=3)
    assert order() != order(seed=2)


@pytest.mark.parametrize("world_size", [2, 4])
def test_training_step_has_the_same_rows_on_any_number_of_ranks(world_size: int) -> None:
    alone = plan_training(LENGTHS, 8, 1, seed=0, epoch=0)
    shared = plan_training(LENGTHS, 8 // world_size, world_size, seed=0, epoch=0)
    for step, rows in enumerate(alone):
        ranks = shared[step * world_size : (step + 1) * world_size]
        assert sorted(np.concatenate(ranks)) == sorted(rows)


def test_batches_hold_rows_of_like_length() -> None:
    def padding(plan: list[np.ndarray]) -> float:
        total = sum(LENGTHS[rows].max() * len(rows) for rows in plan)
        return 1 - LENGTHS.sum() / total

    shuffled = np.array_split(np.random.default_rng(0).permutation(len(LENGTHS)), len(LENGTHS) // 8)
    assert padding(plan_training(LENGTHS, 8, 1, 0, 0)) < padding(list(shuffled)) / 3


@pytest.mark.pitfall(3)
@pytest.mark.parametrize("world_size", [1, 2, 3, 4])
def test_evaluation_counts_each_row_once(world_size: int) -> None:
    for rows in range(1, 34):
        encoded = make_encoded([int(length) for length in LENGTHS[:rows]])
        dataset = BatchDataset(
            encoded, plan_evaluation(encoded.lengths, 4, world_size), pad_id=0, with_prompts=True
        )
        samplers = [RankSampler(dataset, world_size, rank) for rank in range(world_size)]
        loaders = [DataLoader(dataset, batch_size=None, sampler=sampler) for sampler in samplers]
        assert len({len(loader) for loader in loaders}) == 1
        seen = [index for loader in loaders for batch in loader for index in batch["row_index"].tolist()]
        assert sorted(index for index in seen if index != FILLER) == list(range(rows))


def test_filler_batch_supervises_nothing() -> None:
    encoded = make_encoded([5, 9])
    batch = BatchDataset(encoded, [np.array([], dtype=np.int64)], pad_id=0, with_prompts=True)[0]
    assert batch["row_index"].tolist() == [FILLER]
    assert (batch["labels"] == IGNORE_INDEX).all()
    assert batch["input_ids"].shape == (1, 5)
    assert batch["prompt_ids"].shape == (1, 2)


def test_padding_is_right_for_training_and_left_for_prompts() -> None:
    encoded = make_encoded([4, 7])
    batch = BatchDataset(encoded, [np.array([0, 1])], pad_id=1, with_prompts=True)[0]
    assert batch["input_ids"][0].tolist() == [*encoded.example(0).tolist(), 1, 1, 1]
    assert batch["labels"][0].tolist() == [*encoded.labels(0).tolist(), *[IGNORE_INDEX] * 3]
    assert batch["prompt_ids"][0].tolist() == [1, *encoded.prompt(0).tolist()]
    assert batch["prompt_mask"][0].tolist() == [0, 1, 1]
    assert "attention_mask" not in batch  # right-padded causal training needs none
    assert all(value.dtype == torch.int64 for value in batch.values())  # type: ignore[attr-defined]


def test_batches_do_not_depend_on_workers() -> None:
    encoded = make_encoded([int(length) for length in LENGTHS[:40]])
    dataset = BatchDataset(encoded, plan_training(encoded.lengths, 4, 1, 0, 0), pad_id=0)
    runs = []
    for workers in (0, 2):
        loader = DataLoader(dataset, batch_size=None, sampler=RankSampler(dataset, 1, 0), num_workers=workers)
        runs.append([batch["input_ids"].tolist() for batch in loader])
    assert runs[0] == runs[1]


@pytest.mark.pitfall(19)
@pytest.mark.parametrize("workers", [0, 2])
def test_batches_that_were_trained_on_are_left_out_in_their_epoch_only(workers: int) -> None:
    encoded = make_encoded([int(length) for length in LENGTHS[:40]])
    dataset = BatchDataset(encoded, plan_training(encoded.lengths, 4, 2, 0, 3), pad_id=0)

    def rows(sampler: RankSampler) -> list[list[int]]:
        loader = DataLoader(dataset, batch_size=None, sampler=sampler, num_workers=workers)
        return [batch["row_index"].tolist() for batch in loader]

    whole = rows(RankSampler(dataset, 2, 1))
    sampler = RankSampler(dataset, 2, 1, epoch=3, start=2)
    assert len(sampler) == len(whole)  # an epoch has as many batches as ever
    for _ in range(2):
        sampler.set_epoch(3)
        assert rows(sampler) == whole[2:]
    sampler.set_epoch(4)
    assert rows(sampler) == whole


@pytest.mark.parametrize("world_size", [1, 2, 3])
def test_evaluation_pools_are_bounded_and_even(world_size: int) -> None:
    plan = plan_evaluation(LENGTHS, 4, world_size)
    sizes = [len(pool) for pool in plan]
    assert len(plan) % world_size == 0
    assert max(sizes) <= 4 * POOL_BATCHES
    assert len(plan) // world_size == -(-len(LENGTHS) // (4 * POOL_BATCHES * world_size)), (
        "no more pools than needed"
    )
    for step in range(0, len(plan), world_size):
        assert max(sizes[step : step + world_size]) - min(sizes[step : step + world_size]) <= 1
    for pool in plan:
        assert (np.diff(LENGTHS[pool]) <= 0).all(), "longest first"


def test_evaluation_pool_says_how_many_rows_run_at_once() -> None:
    encoded = make_encoded([5, 9, 4])
    plan = plan_evaluation(encoded.lengths, 2, 1)
    (batch,) = BatchDataset(encoded, plan, pad_id=0, with_prompts=True, slots=2)
    assert batch["slots"] == 2
    assert len(batch["input_ids"]) == 3


@pytest.mark.parametrize(
    ("prompts", "length"),
    [
        ([[1, 2, 3], [1, 2, 4]], 2),
        ([[1, 2, 3], [1, 2, 3]], 2),
        ([[1, 2], [1, 2, 3]], 1),
        ([[1], [1, 2]], 0),
        ([[5, 2], [1, 2]], 0),
        ([[1, 2, 3, 4]], 3),
        ([[], [1, 2, 3]], 0),
        ([[], []], 0),
    ],
)
def test_shared_prefix_leaves_every_prompt_a_token(prompts: list[list[int]], length: int) -> None:
    assert shared_prefix([np.array(prompt, dtype=np.int32) for prompt in prompts]) == length


def test_training_batches_have_the_length_of_their_shared_prefix() -> None:
    encoded = Encoded(
        np.array([1, 2, 3, 9, 1, 2, 4, 9], dtype=np.int32), np.array([0, 4, 8]), np.array([3, 3])
    )
    rows = [np.array([0, 1])]
    batch = BatchDataset(encoded, rows, pad_id=0)[0]
    assert batch["prefix_length"] == 2
    assert (batch["labels"][:, :3] == IGNORE_INDEX).all(), (
        "the row's own prompt token predicts the first answer token"
    )
    for options in ({"loss_on": "all"}, {"pack_to": 8}, {"with_prompts": True}):
        assert "prefix_length" not in BatchDataset(encoded, rows, pad_id=0, **options)[0]  # type: ignore[arg-type]
