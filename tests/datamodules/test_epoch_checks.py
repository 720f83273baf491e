"""What an epoch cannot be is told before a batch is read."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from datamodules.epoch_checks import (
    check_batches_left,
    check_interval,
    check_position,
    counts_batches,
    limit_batches,
)

SAVED = {"epoch": 2, "batches": 3, "rows": 10, "seed": 0}
CONTENTS: dict[str, Any] = {}


def test_other_rows_are_named_within_an_epoch_only() -> None:
    with pytest.raises(ValueError, match="with rows 10, but this run has rows 11"):
        check_position(SAVED, {**SAVED, "rows": 11}, CONTENTS, CONTENTS, overfits=False)
    between = {**SAVED, "batches": 0}
    check_position(between, {**between, "rows": 11}, CONTENTS, CONTENTS, overfits=True)


def test_overfitting_cannot_go_on_within_an_epoch() -> None:
    with pytest.raises(ValueError, match="overfit_batches cannot go on"):
        check_position(SAVED, SAVED, CONTENTS, CONTENTS, overfits=True)


@pytest.mark.parametrize(("limit", "most"), [(1.0, 8), (0.5, 4), (3, 3), (20, 8)])
def test_limit_is_a_share_or_a_number(limit: float, most: int) -> None:
    assert limit_batches(SimpleNamespace(limit_train_batches=limit), 8) == most
    assert limit_batches(None, 8) == 8


def test_more_batches_done_than_an_epoch_has_are_refused() -> None:
    check_batches_left(SAVED, 3)
    with pytest.raises(ValueError, match=r"leaves 2 per epoch\. Raise it to at least 3"):
        check_batches_left(SAVED, 2)


@pytest.mark.parametrize(
    ("interval", "every", "counts"), [(50, 1, True), (0.5, 1, False), (1.0, 1, False), (50, None, False)]
)
def test_interval_counts_batches_of_an_epoch(interval: float, every: int | None, counts: bool) -> None:
    trainer = SimpleNamespace(val_check_interval=interval, check_val_every_n_epoch=every)
    assert counts_batches(trainer) is counts


def test_longer_interval_than_an_epoch_is_refused() -> None:
    check_interval(2, 2)
    check_interval(50, 0)  # nothing to train on: told elsewhere
    with pytest.raises(ValueError, match="at most the 2 training batches of an epoch, but got 50"):
        check_interval(50, 2)
