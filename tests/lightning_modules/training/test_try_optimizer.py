from __future__ import annotations

import inspect
from functools import partial
from typing import Any

import pytest
import torch
from torch.optim.lr_scheduler import ConstantLR, OneCycleLR

from lightning_modules.training.try_optimizer import try_optimizer

REFUSED = ("LBFGS", "Muon", "SparseAdam")
CLASSES = [
    value
    for name, value in sorted(vars(torch.optim).items())
    if inspect.isclass(value)
    and value is not torch.optim.Optimizer
    and issubclass(value, torch.optim.Optimizer)
]
RATE: dict[str, Any] = {"lr": 0.1}


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_optimizers_of_torch_can_be_built_or_are_refused(kind: Any) -> None:
    if kind.__name__ in REFUSED:
        with pytest.raises(ValueError, match=r"--model.optimizer.*Use --model.optimizer AdamW"):
            try_optimizer(partial(kind, **RATE), None)
    else:
        try_optimizer(partial(kind, **RATE), partial(ConstantLR, factor=0.5))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"lr": -1}, "Invalid learning rate: -1"),
        ({"lr": 1, "betas": (2, 0)}, "Invalid beta"),
        ({"lr": 1, "eps": -1}, "eps"),
    ],
)
def test_wrong_settings_are_told_by_their_flag(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=f"--model.optimizer: .*{message}"):
        try_optimizer(partial(torch.optim.AdamW, **settings), None)


def test_wrong_scheduler_is_told_by_its_flag() -> None:
    with pytest.raises(ValueError, match=r"--model.scheduler: You must define either total_steps"):
        try_optimizer(partial(torch.optim.AdamW, lr=1), partial(OneCycleLR, max_lr=1))


def test_trial_draws_no_random_numbers() -> None:
    before = torch.get_rng_state()
    try_optimizer(partial(torch.optim.AdamW, lr=1, fused=True), partial(ConstantLR, factor=0.5))
    assert torch.equal(torch.get_rng_state(), before)
