"""What a fit settles before its first step."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch.optim.lr_scheduler import LambdaLR
from torch.optim.swa_utils import SWALR

from lightning_modules.training.first_step import settle_logging, settle_rates
from lightning_modules.training.lr_schedule import WarmupCosine
from lightning_modules.training.resumed_optimizer import OptimizerFlags


def make(lr: float = 0.5) -> tuple[torch.optim.Optimizer, LambdaLR]:
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=lr)
    return optimizer, LambdaLR(optimizer, lambda _: 1.0)


def trainer(**values: Any) -> Any:
    return SimpleNamespace(**{"ckpt_path": None, "estimated_stepping_batches": 100, **values})


@pytest.mark.parametrize(("batches", "every", "expected"), [(7, 10, 3), (1, 10, 1), (100, 10, 10)])
def test_settle_logging_logs_the_last_step_of_a_short_epoch(batches: int, every: int, expected: int) -> None:
    one = trainer(num_training_batches=batches, accumulate_grad_batches=2, log_every_n_steps=every)
    settle_logging(one)
    assert one.log_every_n_steps == expected


def test_settle_rates_sets_the_default_schedules_first_rate() -> None:
    optimizer, scheduler = make()
    settle_rates(trainer(optimizers=[optimizer]), scheduler, None, WarmupCosine(0.1, 0.1, 1.0))
    assert optimizer.param_groups[0]["lr"] == pytest.approx(0.5 * WarmupCosine(0.1, 0.1, 1.0).factor(0, 100))


def test_settle_rates_leaves_other_schedules_alone() -> None:
    optimizer, scheduler = make()
    settle_rates(trainer(optimizers=[optimizer]), scheduler, None, None)
    assert optimizer.param_groups[0]["lr"] == 0.5
    settle_rates(trainer(ckpt_path="x"), SWALR(optimizer, swa_lr=0.1), None, WarmupCosine(0.1, 0.1, 1.0))
    settle_rates(trainer(ckpt_path="x"), None, None, None)


def test_settle_rates_lets_flags_win_over_a_checkpoint() -> None:
    flags = OptimizerFlags.note(*make(lr=0.25))
    optimizer, scheduler = make()
    settle_rates(trainer(ckpt_path="last.ckpt", optimizers=[optimizer]), scheduler, flags, None)
    assert scheduler.base_lrs == [0.25]
