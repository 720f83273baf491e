from __future__ import annotations

import pytest
import torch

from lightning_modules.training.token_mean import TokenMean


def test_weighs_tokens_not_batches() -> None:
    mean = TokenMean()
    mean.update(torch.tensor(10.0), torch.tensor(1))
    mean.update(torch.tensor(9.0), torch.tensor(9))
    mean.update(torch.tensor(0.0), torch.tensor(0))
    assert mean.compute().item() == pytest.approx(1.9)


def test_states_are_summed_over_ranks() -> None:
    assert set(TokenMean()._reductions) == {"loss_sum", "count"}
    assert all(reduction(torch.tensor([1, 2])) == 3 for reduction in TokenMean()._reductions.values())


@pytest.mark.filterwarnings("ignore:The ``compute`` method")
def test_no_token_is_nan() -> None:
    assert TokenMean().compute().isnan()
