"""Values against torchmetrics."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torchmetrics.functional import regression as reference

from callbacks.statistics.regression import correlate_ranks, measure_errors


def draw(n: int, shift: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    target = shift + np.round(rng.normal(size=n) * 3, 1)
    return np.round(target + rng.normal(size=n), 1), target


@pytest.mark.parametrize("shift", [0.0, 1e6])
def test_values_are_those_of_torchmetrics(shift: float) -> None:
    predicted, target = draw(150, shift)
    found = measure_errors(predicted, target)
    tensors = torch.tensor(predicted), torch.tensor(target)
    expected = {
        "mae": reference.mean_absolute_error(*tensors),
        "rmse": reference.mean_squared_error(*tensors, squared=False),
        "r2": reference.r2_score(*tensors),
        "spearman": reference.spearman_corrcoef(*tensors),
    }
    for name, value in expected.items():
        assert found[name][0] == pytest.approx(float(value), rel=1e-5), name
        assert found[name][1] < found[name][0] < found[name][2]


def test_a_constant_has_no_rank_and_constant_targets_nothing_to_explain() -> None:
    assert set(measure_errors(np.ones(5), np.arange(5.0))) == {"mae", "rmse", "r2"}
    assert measure_errors(np.ones(5), np.arange(5.0))["r2"][0] <= 0
    assert set(measure_errors(np.arange(5.0), np.ones(5))) == {"mae", "rmse"}


def test_few_ranks_prove_nothing() -> None:
    assert correlate_ranks(np.array([1.0, 2.0, 3.0]), np.array([2.0, 4.0, 9.0]))[1:] == (-1.0, 1.0)
