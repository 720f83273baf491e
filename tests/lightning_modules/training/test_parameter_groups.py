from __future__ import annotations

from functools import partial

import torch

from lightning_modules.training.parameter_groups import group_parameters
from tests.helpers.tiny_runs import (
    make_module,
)


def test_norms_and_biases_do_not_decay(base: str) -> None:
    module = make_module(base, optimizer=partial(torch.optim.AdamW, lr=1e-3, weight_decay=0.1))
    module.configure_model()
    optimizer = module.configure_optimizers()["optimizer"]
    decay, no_decay = optimizer.param_groups
    assert (decay["weight_decay"], no_decay["weight_decay"]) == (0.1, 0.0)
    assert {p.ndim for p in decay["params"]} == {2}
    assert {p.ndim for p in no_decay["params"]} == {1}
    assert len(decay["params"]) + len(no_decay["params"]) == len(list(module.decoder.parameters()))


def test_what_is_frozen_is_in_no_group_and_an_empty_group_is_left_out() -> None:
    module = torch.nn.Linear(2, 3)
    matrices, vectors = group_parameters(module)
    assert matrices["params"] == [module.weight]
    assert vectors == {"params": [module.bias], "weight_decay": 0.0}
    module.bias.requires_grad_(False)
    assert group_parameters(module) == [{"params": [module.weight]}]
