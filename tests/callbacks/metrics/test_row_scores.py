from __future__ import annotations

import pytest
import torch

from callbacks.metrics.row_scores import RowScores
from tests.helpers.callback_stubs import batches_of


def scores_of(row: int) -> list[float]:
    return [float(row % 2), row / 7]


def run_rank(n: int, rank: int, world: int, repeat: bool) -> RowScores:
    metric = RowScores(n, 2)
    for rows in batches_of(n, rank, world, 4, repeat):
        metric.update(
            torch.tensor(rows), torch.tensor([scores_of(row) if row >= 0 else [9.0, 9.0] for row in rows])
        )
    return metric


@pytest.mark.pitfall(3)
@pytest.mark.parametrize("repeat", [False, True], ids=["fillers", "repeats"])
@pytest.mark.parametrize("world", [1, 2, 3, 4])
def test_every_row_counts_once_on_any_number_of_ranks(world, repeat):
    for n in range(1, 34):
        merged, *others = [run_rank(n, rank, world, repeat) for rank in range(world)]
        for other in others:
            merged.merge_state(other)
        values = merged.compute()
        assert len(values) == n
        torch.testing.assert_close(values, torch.tensor([scores_of(row) for row in range(n)]))


def test_rows_that_nobody_saw_are_left_out():
    metric = RowScores(5, 1)
    metric.update(torch.tensor([3, -1, 1]), torch.tensor([[0.5], [7.0], [0.0]]))
    assert metric.compute().tolist() == [[0.0], [0.5]]


def test_a_score_that_does_not_apply_stays_apart_from_zero():
    metric = RowScores(2, 2)
    metric.update(torch.tensor([0, 1]), torch.tensor([[0.0, -torch.inf], [1.0, 0.0]]))
    assert metric.compute().tolist() == [[0.0, -torch.inf], [1.0, 0.0]]


def test_no_rows():
    metric = RowScores(0, 3)
    metric.update(torch.tensor([], dtype=torch.int64), torch.zeros(0, 3))
    assert metric.compute().shape == (0, 3)


@pytest.mark.filterwarnings("ignore:The ``compute`` method")
def test_reset_forgets():
    metric = RowScores(2, 1)
    metric.update(torch.tensor([0]), torch.tensor([[1.0]]))
    metric.reset()
    assert len(metric.compute()) == 0


def test_scores_may_be_negative():
    metric = RowScores(2, 1)
    metric.update(torch.tensor([0, 1]), torch.tensor([[-0.5], [-2.0]]))
    assert metric.compute().tolist() == [[-0.5], [-2.0]]


def test_no_numbers_and_wrong_indices_are_refused():
    metric = RowScores(2, 1)
    with pytest.raises(AssertionError, match="scores are numbers"):
        metric.update(torch.tensor([0]), torch.tensor([[torch.nan]]))
    with pytest.raises(AssertionError, match="out of range"):
        metric.update(torch.tensor([2]), torch.tensor([[0.5]]))
