from __future__ import annotations

import json

import numpy as np
import pytest

from datamodules.tokens.mixing import AdaptiveShares, draw_by_shares, move_shares


def test_a_task_whose_loss_does_not_fall_loses_its_share_down_to_the_floor() -> None:
    shares = AdaptiveShares([1, 1], floor=0.1)
    losses = [4.0, 4.0]
    for epoch in range(30):
        shares.note(losses, epoch)
        losses = [0.9 * losses[0], 4.0]
    assert shares.at(0) == shares.at(1) == [0.5, 0.5]  # the first validation has nothing to compare with
    assert shares.at(2)[1] < 0.5
    assert 0.05 <= shares.at(30)[1] < 0.06
    assert sum(shares.at(30)) == pytest.approx(1)


def test_a_task_that_is_not_trained_stays_out() -> None:
    shares = AdaptiveShares([3, 1, 0], floor=0.2)
    for epoch, losses in enumerate([[2.0, 2.0, 2.0], [1.9, 1.0, 0.1], [1.8, 0.9, 0.01]]):
        shares.note(losses, epoch)
    assert shares.at(3)[2] == 0.0
    assert shares.at(3)[1] > 0.25


def test_shares_change_between_epochs_only() -> None:
    shares = AdaptiveShares([1, 1], floor=0.1)
    shares.note([2.0, 2.0], 0)
    shares.note([1.0, 2.0], 0)
    once = shares.at(1)
    shares.note([0.5, 2.0], 0)
    assert shares.at(0) == [0.5, 0.5]
    assert shares.at(1)[0] > once[0] > 0.5


def test_losses_that_are_no_numbers_change_nothing() -> None:
    shares = AdaptiveShares([1, 1], floor=0.1)
    shares.note([2.0, 2.0], 0)
    shares.note([float("inf"), float("nan")], 1)
    assert shares.at(2) == [0.5, 0.5]


def test_the_task_that_helps_the_target_gains() -> None:
    shares, loss = AdaptiveShares([1, 1, 0], floor=0.1, target=2), 4.0
    for epoch in range(24):
        shares.note([1.0, 1.0, loss], epoch)
        loss *= 1 - 0.1 * shares.at(epoch + 1)[1]  # only the second task helps
    assert shares.base(24)[1] > 0.6
    assert shares.base(24)[0] >= 0.05


def test_a_state_goes_on_bit_by_bit() -> None:
    rng = np.random.default_rng(0)
    losses = rng.random((12, 3)) + 1
    whole = AdaptiveShares([2, 1, 1], floor=0.1, target=1)
    for epoch, row in enumerate(losses):
        whole.note(row.tolist(), epoch)
        if epoch == 5:
            state = json.loads(json.dumps(whole.state_dict()))
    again = AdaptiveShares([2, 1, 1], floor=0.1, target=1)
    again.load_state_dict(state)
    for epoch in range(6, 12):
        again.note(losses[epoch].tolist(), epoch)
    assert again.state_dict() == whole.state_dict()


@pytest.mark.parametrize("gains", [[1.0, -1.0, 0.3], [0.0, 0.0, 0.0], [-1.0, -1.0, -1.0]])
def test_shares_sum_to_1_and_keep_their_floors(gains: list[float]) -> None:
    least = [0.05, 0.03, 0.02]
    moved = [0.5, 0.3, 0.2]
    for _ in range(20):
        moved = move_shares(moved, gains, least)
        assert sum(moved) == pytest.approx(1)
        assert all(share >= floor for share, floor in zip(moved, least, strict=True))


def test_rows_are_drawn_by_shares_and_none_twice_before_all_once() -> None:
    tasks = np.array([0] * 10 + [1] * 30)
    rows = draw_by_shares(tasks, [0.625, 0.375], seed=1, epoch=2, total=40)
    assert len(rows) == 40
    times = np.bincount(rows, minlength=40)
    assert set(times[:10].tolist()) == {2, 3}
    assert times[10:].sum() == 15
    assert set(times[10:].tolist()) == {0, 1}
    assert rows.tolist() == draw_by_shares(tasks, [0.625, 0.375], seed=1, epoch=2, total=40).tolist()
    assert rows.tolist() != draw_by_shares(tasks, [0.625, 0.375], seed=1, epoch=3, total=40).tolist()


def test_the_rows_own_shares_draw_each_row_once() -> None:
    tasks = np.array([0] * 7 + [1] * 11 + [2] * 3)
    shares = [7 / 21, 11 / 21, 3 / 21]
    assert draw_by_shares(tasks, shares, seed=0, epoch=0, total=21).tolist() == list(range(21))
