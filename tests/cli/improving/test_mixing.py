from __future__ import annotations

import pytest

from cli.improving.mixing import count_wanted, mix_rows


@pytest.mark.parametrize(("kept", "share"), [(0, 0.0), (30, 0.3), (50, 0.5), (80, 0.5)])
def test_each_kept_row_stands_in_a_fit_once_and_real_rows_fill_it_up(kept: int, share: float) -> None:
    mix = mix_rows({"a": 1000, "b": 1000}, {"a": 3, "b": 1}, kept, 0.5, 100)
    assert mix.kept == pytest.approx(share)
    assert sum(mix.weights.values()) + mix.kept == pytest.approx(1)
    assert mix.weights["a"] == pytest.approx(3 * mix.weights["b"])
    assert (mix.epoch_rows, mix.epochs) == (100, 1)


def test_a_task_of_weight_0_or_without_rows_is_not_trained() -> None:
    assert mix_rows({"a": 10, "b": 0, "c": 10}, {"a": 1, "b": 1, "c": 0}, 0, 0.5, 10).weights == {
        "a": 1.0, "b": 0.0, "c": 0.0,
    }  # fmt: skip


def test_few_real_rows_make_several_epochs() -> None:
    assert mix_rows({"a": 10}, None, 20, 0.5, 40).epochs == 2
    assert count_wanted(40, 0.5) == 20
