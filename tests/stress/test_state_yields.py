"""Stress test 12, for real: of all that a checkpoint brings back, what a flag says is in effect after the first step."""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.cli import ReduceLROnPlateau
from torch.optim import lr_scheduler as schedules

from callbacks.run.best_checkpoint import BestCheckpoint
from tests.helpers.tiny import save_tiny
from tests.helpers.tiny_runs import RowsData, make_module, make_trainer, uneven_rows

pytestmark = pytest.mark.pitfall(21)
MOVES = {
    "last_epoch", "_step_count", "_last_lr", "base_lrs", "best", "num_bad_epochs", "cooldown_counter", "T_cur",
    "_is_initial", "_get_lr_called_within_step",
}  # fmt: skip


class Case(NamedTuple):
    """A class, what it is made with, and one argument that is another on going on."""

    kind: Callable[..., Any]
    options: dict[str, Any]
    name: str
    value: Any


def cases_of(kind: Callable[..., Any], options: dict[str, Any], changes: dict[str, Any]) -> list[Case]:
    return [Case(kind, options, name, value) for name, value in changes.items()]


ADAM = {"lr": 0.01, "fused": False}
SGD = {"lr": 0.01}
OPTIMIZERS = [
    *cases_of(torch.optim.AdamW, ADAM, {
        "lr": 0.02, "betas": (0.8, 0.9), "eps": 1e-4, "weight_decay": 0.3, "amsgrad": True, "maximize": True,
        "foreach": True, "fused": True, "capturable": True, "differentiable": True,
    }),
    *cases_of(torch.optim.SGD, SGD, {"momentum": 0.9, "dampening": 0.5, "weight_decay": 0.1, "maximize": True}),
    Case(torch.optim.SGD, {**SGD, "momentum": 0.9}, "nesterov", True),
    *cases_of(torch.optim.RMSprop, SGD, {"alpha": 0.9, "eps": 1e-4, "centered": True, "momentum": 0.9}),
]  # fmt: skip
SCHEDULERS = [
    *cases_of(schedules.StepLR, {"step_size": 2}, {"step_size": 3, "gamma": 0.5}),
    *cases_of(schedules.MultiStepLR, {"milestones": [2]}, {"milestones": [3, 4], "gamma": 0.5}),
    *cases_of(schedules.ConstantLR, {}, {"factor": 0.5, "total_iters": 7}),
    *cases_of(schedules.LinearLR, {}, {"start_factor": 0.5, "end_factor": 0.9, "total_iters": 7}),
    *cases_of(schedules.ExponentialLR, {"gamma": 0.9}, {"gamma": 0.5}),
    *cases_of(schedules.PolynomialLR, {}, {"total_iters": 9, "power": 2.0}),
    *cases_of(schedules.CosineAnnealingLR, {"T_max": 9}, {"T_max": 12, "eta_min": 1e-4}),
    *cases_of(schedules.CosineAnnealingWarmRestarts, {"T_0": 5}, {"T_0": 9, "T_mult": 2, "eta_min": 1e-4}),
    *cases_of(schedules.OneCycleLR, {"max_lr": 0.01, "total_steps": 90}, {
        "max_lr": 0.03, "total_steps": 60, "pct_start": 0.5, "anneal_strategy": "linear", "cycle_momentum": False,
        "base_momentum": 0.7, "max_momentum": 0.9, "div_factor": 9.0, "final_div_factor": 99.0, "three_phase": True,
    }),
    *cases_of(schedules.CyclicLR, {"base_lr": 0.001, "max_lr": 0.01, "cycle_momentum": False}, {
        "base_lr": 0.002, "max_lr": 0.03, "step_size_up": 7, "mode": "triangular2", "gamma": 0.9,
    }),
    *cases_of(ReduceLROnPlateau, {"monitor": "train/loss"}, {
        "mode": "max", "factor": 0.5, "patience": 3, "threshold": 0.1, "threshold_mode": "abs", "cooldown": 2,
        "min_lr": 1e-5, "eps": 1e-6,
    }),
]  # fmt: skip
CALLBACKS = cases_of(
    BestCheckpoint, {"monitor": "train/loss", "mode": "min"}, {"mode": "max", "monitor": "lr"}
)


class Seen(Exception):
    """Enough has been seen."""


class After(Callback):
    """Notes all settings when training goes on, and ends it after a step."""

    def __init__(self) -> None:
        self.seen: dict[str, Any] = {}

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, *_: Any) -> None:
        self.seen = self.seen or settings(trainer.optimizers[0], trainer.lr_scheduler_configs[0].scheduler)

    def on_train_batch_end(self, *_: Any) -> None:
        raise Seen


def settings(optimizer: Any, scheduler: Any) -> dict[str, Any]:
    """Return all that an optimizer and its scheduler hold but weights and progress."""
    moving = {"params", "lr", *(("betas", "momentum") if hasattr(scheduler, "cycle_momentum") else ())}
    groups = [
        {name: value for name, value in group.items() if name not in moving}
        for group in optimizer.param_groups
    ]
    state = {name: value for name, value in scheduler.state_dict().items() if name not in MOVES}
    return copy.deepcopy({"groups": groups, **state})


def module_of(base: str, case: Case, with_change: bool) -> Any:
    """Return a model with the optimizer or scheduler of a case."""
    options = {**case.options, **({case.name: case.value} if with_change else {})}
    if case in OPTIMIZERS:
        return make_module(base, optimizer=partial(case.kind, **options))
    return make_module(
        base,
        optimizer=partial(torch.optim.AdamW, lr=0.01),
        scheduler=lambda optimizer: case.kind(optimizer, **options),
    )


def fit(module: Any, checkpoint: Path, resume: bool, after: Callback | None = None) -> None:
    trainer = make_trainer(max_epochs=2 if resume else 1, callbacks=[after] if after else [])
    trainer.fit(module, RowsData(uneven_rows(), 2), ckpt_path=checkpoint if resume else None)
    trainer.save_checkpoint(checkpoint)


def check(case: Case, base: str, folder: Path) -> None:
    """Train with one value, go on with another, and compare with what was never trained with the first."""
    path = folder / "first.ckpt"
    fit(module_of(base, case, False), path, resume=False)
    module, after = module_of(base, case, True), After()
    unsteppable = case.name in (
        "capturable",
        "differentiable",
    )  # the first for GPUs, the other for gradients of gradients
    with pytest.raises((Seen, AssertionError, RuntimeError) if unsteppable else Seen):
        fit(module, path, resume=True, after=after)
    made = (configured(module_of(base, case, changed)) for changed in (True, False))
    fresh, before = (settings(one["optimizer"], one["lr_scheduler"]["scheduler"]) for one in made)
    assert fresh != before, "the flag is one that changes something"
    # What is left of a schedule that moved the momentum, which the new one does not, is read by nobody.
    groups = zip(after.seen["groups"], fresh["groups"], strict=True)
    seen = after.seen | {"groups": [{name: old[name] for name in new} for old, new in groups]}
    # The cycle that it stands in is scaled, not begun again.
    assert {name: seen[name] for name in fresh if name != "T_i"} == {
        name: value for name, value in fresh.items() if name != "T_i"
    }
    assert case.name != "T_0" or seen["T_i"] == case.value


def configured(module: Any) -> Any:
    """Return what a model trains with, before any step."""
    module.configure_model()
    return module.configure_optimizers()


@pytest.mark.parametrize(
    "cases",
    [
        [OPTIMIZERS[4], SCHEDULERS[1]],
        pytest.param([*OPTIMIZERS, *SCHEDULERS], marks=[pytest.mark.stress, pytest.mark.timeout(3600)]),
    ],
    ids=["few", "all"],
)
def test_what_a_flag_says_of_optimizer_and_schedule_is_in_effect(
    cases: list[Case], tmp_path: Path, record_tries: Callable[..., None]
) -> None:
    base = save_tiny(tmp_path / "base")
    note = "real runs of a tiny base, gone on with and stepped; AdamW, SGD, RMSprop and eleven of torch's schedulers"
    record_tries(
        12, "a flag of the optimizer or the scheduler with another value than the checkpoint's: in effect", cases,
        lambda case: check(case, base, tmp_path), note,
    )  # fmt: skip


@pytest.mark.parametrize("case", CALLBACKS, ids=lambda case: case.name)
def test_what_chooses_the_best_is_the_flags(case: Case, tmp_path: Path) -> None:
    old = BestCheckpoint(**case.options, dirpath=str(tmp_path))
    new = BestCheckpoint(**{**case.options, case.name: case.value}, dirpath=str(tmp_path))
    # Lightning gives a callback its state back by this key, so that the best by another metric does not count.
    assert old.state_key != new.state_key
    assert getattr(new, case.name) == case.value
