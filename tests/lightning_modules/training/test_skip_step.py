from __future__ import annotations

import copy
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from torch.optim import SGD, AdamW, Optimizer, RMSprop

from lightning_modules.training.skip_step import leave_out

OPTIMIZERS: dict[str, Callable[[Any], Optimizer]] = {
    "fused AdamW": partial(AdamW, lr=0.1, weight_decay=0.1, fused=True),
    "AdamW": partial(AdamW, lr=0.1, weight_decay=0.1, fused=False),
    "fused SGD": partial(SGD, lr=0.1, momentum=0.9, fused=True),
    "RMSprop": partial(RMSprop, lr=0.1, momentum=0.9),
}


def steps(make: Callable[[Any], Optimizer], gradients: list[float], told: bool) -> tuple[Any, Any]:
    """Return weights and optimizer state after steps with these gradients; those that are not finite are left out."""
    torch.manual_seed(0)
    weight = torch.nn.Parameter(torch.randn(3, 2))
    optimizer = make([weight])
    for gradient in gradients:
        weight.grad = torch.full((3, 2), gradient)
        leave_out(optimizer, ~weight.grad.isfinite().all() if told else torch.tensor(False))
        optimizer.step()
    return weight.detach(), copy.deepcopy(optimizer.state_dict()["state"])


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("bad", [float("nan"), float("inf"), float("-inf")])
def test_a_step_that_is_left_out_leaves_no_trace(name: str, bad: float) -> None:
    weight, state = steps(OPTIMIZERS[name], [bad, 0.5, bad, bad, -2.0], told=True)
    expected, expected_state = steps(OPTIMIZERS[name], [0.5, -2.0], told=False)
    assert torch.equal(weight, expected)
    torch.testing.assert_close(state, expected_state, rtol=0, atol=0)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_such_a_step_would_have_spoiled_the_weights(name: str) -> None:
    weight, _ = steps(OPTIMIZERS[name], [0.5, float("nan")], told=False)
    assert weight.isnan().all()
