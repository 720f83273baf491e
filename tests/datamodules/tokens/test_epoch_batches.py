from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from datamodules.tokens.epoch_batches import TrainingBatches, choose_epoch_rows
from datamodules.tokens.examples import Encoded

TASKS = np.repeat([0, 1, 2], [600, 300, 90])


def shares(rows: NDArray[np.int64]) -> list[int]:
    return np.bincount(TASKS[rows], minlength=3).tolist()


def test_an_epoch_without_weights_shows_every_row() -> None:
    assert choose_epoch_rows(TASKS, None, seed=0, epoch=3).tolist() == list(range(990))
    assert choose_epoch_rows(TASKS, None, seed=0, epoch=3, most=2000).tolist() == list(range(990))
    assert choose_epoch_rows(np.zeros(5, dtype=int), [7.0], seed=0, epoch=0).tolist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    ("weights", "expected"),
    [
        ([1.0, 1.0, 1.0], [90, 90, 90]),
        ([2.0, 1.0, 0.3], [600, 300, 90]),
        ([1.0, 2.0, 0.1], [150, 300, 15]),
        ([100.0, 1.0, 1.0], [600, 6, 6]),
    ],
)
def test_weighted_tasks_stand_in_the_ratio_of_their_weights(
    weights: list[float], expected: list[int]
) -> None:
    rows = choose_epoch_rows(TASKS, weights, seed=0, epoch=0)
    assert shares(rows) == expected
    assert len(set(rows.tolist())) == len(rows)


def test_a_limit_keeps_the_ratio_and_every_task() -> None:
    assert shares(choose_epoch_rows(TASKS, [2.0, 1.0, 1.0], 0, 0, most=100)) == [50, 25, 25]
    assert shares(choose_epoch_rows(TASKS, [1000.0, 1000.0, 1.0], 0, 0, most=10)) == [5, 5, 1]


def test_draws_are_a_function_of_seed_and_epoch_and_reach_all_rows() -> None:
    for weights, most in (([1.0, 1.0, 1.0], None), (None, 200)):
        first = choose_epoch_rows(TASKS, weights, 1, 2, most)
        assert first.tolist() == choose_epoch_rows(TASKS, weights, 1, 2, most).tolist()
        assert first.tolist() != choose_epoch_rows(TASKS, weights, 1, 3, most).tolist()
        assert first.tolist() != choose_epoch_rows(TASKS, weights, 2, 2, most).tolist()
        seen = set().union(
            *(choose_epoch_rows(TASKS, weights, 1, epoch, most).tolist() for epoch in range(60))
        )
        assert len(seen) > 980


def test_a_task_that_has_no_rows_leaves_the_others_whole() -> None:
    assert choose_epoch_rows(np.zeros(4, dtype=int), [1.0, 1.0], 0, 0).tolist() == [0, 1, 2, 3]


def encode_epoch(epoch: int) -> tuple[Encoded, NDArray[np.int64]]:
    """Twelve rows of 2 to 5 tokens; every token is the epoch, every other epoch shows other rows of the pool."""
    lengths = 2 + np.arange(12) % 4
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    row_ids = np.arange(12) + 100 * (epoch % 2)
    return Encoded(np.full(offsets[-1], epoch, dtype=np.int32), offsets, np.ones(12, dtype=np.int64)), row_ids


def test_training_batches_are_planned_and_encoded_anew_each_epoch() -> None:
    batches = TrainingBatches(encode_epoch, batch_size=3, world_size=1, seed=0, epoch=1, pad_id=0)
    plans = {1: [batch.tolist() for batch in batches.plan]}
    assert sorted(np.concatenate(batches.plan).tolist()) == list(range(12))
    assert batches.row_ids.tolist() == list(range(100, 112))
    batches.set_epoch(2)
    plans[2] = [batch.tolist() for batch in batches.plan]
    assert (set(batches.encoded.ids.tolist()), batches.row_ids.tolist()) == ({2}, list(range(12)))
    batches.set_epoch(1)
    assert [batch.tolist() for batch in batches.plan] == plans[1] != plans[2]


def test_training_batches_encode_nothing_when_the_epoch_stays() -> None:
    asked: list[int] = []

    def encode(epoch: int) -> tuple[Encoded, NDArray[np.int64]]:
        asked.append(epoch)
        return encode_epoch(epoch)

    batches = TrainingBatches(encode, batch_size=3, world_size=1, seed=0, pad_id=0)
    batches.set_epoch(0)
    batches.set_epoch(1)
    assert asked == [0, 1]


def test_a_task_of_weight_0_shows_no_row_and_takes_no_share() -> None:
    tasks = np.array([0] * 8 + [1] * 4)
    with_others = choose_epoch_rows(tasks, [1.0, 1.0, 0.0], seed=0, epoch=3)
    assert with_others.tolist() == choose_epoch_rows(tasks, [1.0, 1.0], seed=0, epoch=3).tolist()
    assert choose_epoch_rows(np.zeros(5, dtype=np.int64), [2.0, 0.0], seed=0, epoch=0).tolist() == [
        0,
        1,
        2,
        3,
        4,
    ]
