from __future__ import annotations

from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import pytest
import torch
from torch.optim.lr_scheduler import CyclicLR, ExponentialLR, OneCycleLR, ReduceLROnPlateau, StepLR

from lightning_modules.causal_lm import CausalLM
from lightning_modules.training.resumed_optimizer import (
    OptimizerFlags,
    apply_flags,
    apply_schedule,
    note_flags,
    note_schedule,
)
from tests.helpers.tiny import save_tiny
from tests.helpers.tiny_runs import RowsData, make_module, make_trainer, uneven_rows


def make(lr: float, decay: float, kind: type, **options: float):
    weight = torch.nn.Parameter(torch.ones(2))
    optimizer = torch.optim.AdamW([{"params": [weight]}], lr=lr, weight_decay=decay)
    scheduler = kind(optimizer, **options)
    return optimizer, scheduler, note_flags(optimizer)


def step(optimizer, scheduler, times: int) -> None:
    for _ in range(times):
        optimizer.param_groups[0]["params"][0].grad = torch.ones(2)
        optimizer.step()
        scheduler.step(*([1.0] if isinstance(scheduler, ReduceLROnPlateau) else []))


@pytest.mark.pitfall(21)
@pytest.mark.parametrize(
    ("kind", "options"),
    [
        (ExponentialLR, {"gamma": 0.5}),
        (StepLR, {"step_size": 2, "gamma": 0.1}),
        (ReduceLROnPlateau, {"patience": 1}),
    ],
)
def test_a_resumed_schedule_goes_on_from_the_flags_rate(kind: type, options: dict[str, float]) -> None:
    old, old_scheduler, _ = make(0.1, 0.0, kind, **options)
    step(old, old_scheduler, 3)
    new, scheduler, flags = make(0.01, 0.3, kind, **options)
    new.load_state_dict(old.state_dict())
    scheduler.load_state_dict(old_scheduler.state_dict())
    changed = apply_flags(new, scheduler, flags)
    assert changed == ["lr 0.01 (was 0.1)", "weight_decay 0.3 (was 0.0)"]
    reference, reference_scheduler, _ = make(0.01, 0.3, kind, **options)
    step(reference, reference_scheduler, 3)
    for _ in range(3):
        assert new.param_groups[0]["lr"] == pytest.approx(reference.param_groups[0]["lr"])
        step(new, scheduler, 1)
        step(reference, reference_scheduler, 1)
    assert new.param_groups[0]["weight_decay"] == 0.3


def test_nothing_changes_when_the_flags_are_the_checkpoints() -> None:
    optimizer, scheduler, flags = make(0.1, 0.01, ExponentialLR, gamma=0.5)
    step(optimizer, scheduler, 2)
    assert apply_flags(optimizer, scheduler, flags) == []
    assert optimizer.param_groups[0]["lr"] == pytest.approx(0.025)


@pytest.mark.pitfall(21)
def test_a_resumed_run_trains_with_the_rate_of_its_flag(tmp_path: Path) -> None:
    base = save_tiny(tmp_path / "base")
    rates = {}
    for name, lr, resume in (("first", 0.1, None), ("flag", 0.02, "first"), ("same", 0.1, "first")):
        trainer = make_trainer(max_epochs=2 if resume else 1, min_epochs=1)
        module = make_module(
            base,
            optimizer=lambda params, lr=lr: torch.optim.SGD(params, lr=lr),
            min_lr_fraction=1.0,
            warmup_fraction=0.0,
        )
        trainer.fit(module, RowsData(uneven_rows(), 2), ckpt_path=resume and tmp_path / f"{resume}.ckpt")
        trainer.save_checkpoint(tmp_path / f"{name}.ckpt")
        rates[name] = trainer.optimizers[0].param_groups[0]["lr"]
    assert rates == {"first": pytest.approx(0.1), "flag": pytest.approx(0.02), "same": pytest.approx(0.1)}


OWN_SCHEDULES = {
    "one cycle": lambda optimizer: OneCycleLR(optimizer, max_lr=0.01, total_steps=16),
    "cyclic": lambda optimizer: CyclicLR(optimizer, base_lr=0.001, max_lr=0.01, step_size_up=3),
}


class Rates(pl.Callback):
    """Notes the learning rate and the first beta of each step."""

    def __init__(self) -> None:
        self.seen: list[tuple[float, float]] = []

    def on_train_batch_start(self, trainer: pl.Trainer, *_: Any) -> None:
        group = trainer.optimizers[0].param_groups[0]
        self.seen.append((group["lr"], group["betas"][0]))


@pytest.mark.pitfall(21)
@pytest.mark.parametrize("name", OWN_SCHEDULES)
def test_schedules_that_cycle_are_left_alone_fresh_and_resumed(name: str, tmp_path: Path) -> None:
    base, expected = save_tiny(tmp_path / "base"), []
    optimizer = torch.optim.AdamW([torch.nn.Parameter(torch.ones(2))], lr=0.01)
    scheduler = OWN_SCHEDULES[name](optimizer)
    for _ in range(8):
        expected.append((optimizer.param_groups[0]["lr"], optimizer.param_groups[0]["betas"][0]))
        optimizer.step()
        scheduler.step()
    rates = Rates()
    for epochs, resume in ((1, None), (2, tmp_path / "first.ckpt")):
        trainer = make_trainer(max_epochs=epochs, callbacks=[rates])
        module = CausalLM(
            base, optimizer=lambda params: torch.optim.AdamW(params, lr=0.01), scheduler=OWN_SCHEDULES[name]
        )
        trainer.fit(module, RowsData(uneven_rows(), 2), ckpt_path=resume)
        trainer.save_checkpoint(tmp_path / "first.ckpt")
    assert rates.seen == [pytest.approx(pair) for pair in expected]


@pytest.mark.pitfall(21)
def test_every_setting_of_the_flags_wins() -> None:
    weight = torch.nn.Parameter(torch.ones(2))
    old, new = (
        torch.optim.SGD([weight], lr=0.1, momentum=0.9, nesterov=nesterov) for nesterov in (True, False)
    )
    flags = note_flags(new)
    new.load_state_dict(old.state_dict())
    assert apply_flags(new, None, flags) == ["nesterov False (was True)"]
    assert new.param_groups[0]["nesterov"] is False


def test_the_settings_of_a_schedule_are_the_flags_and_its_place_the_checkpoints() -> None:
    old, old_scheduler, _ = make(0.1, 0.0, ReduceLROnPlateau, patience=1)
    step(old, old_scheduler, 2)
    _, scheduler, _ = make(0.1, 0.0, ReduceLROnPlateau, patience=5, factor=0.5)
    flags = note_schedule(scheduler)
    scheduler.load_state_dict(old_scheduler.state_dict())
    assert apply_schedule(scheduler, flags) == ["factor 0.5 (was 0.1)", "patience 5 (was 1)"]
    assert (scheduler.patience, scheduler.factor, scheduler.best, scheduler.num_bad_epochs) == (
        5,
        0.5,
        1.0,
        1,
    )
    assert apply_schedule(scheduler, flags) == []


class OwnSchedule(StepLR):
    """A user's, with a place in the schedule that torch's do not have."""

    def __init__(self, optimizer: Any, gamma: float) -> None:
        self.turns = 0
        super().__init__(optimizer, 2, gamma)

    def get_lr(self) -> list[float]:
        self.turns += 1
        return super().get_lr()


def test_of_a_users_schedule_the_constructors_arguments_are_settings() -> None:
    old, old_scheduler, _ = make(0.1, 0.0, OwnSchedule, gamma=0.5)
    step(old, old_scheduler, 4)
    _, scheduler, _ = make(0.1, 0.0, OwnSchedule, gamma=0.9)
    flags = note_schedule(scheduler)
    scheduler.load_state_dict(old_scheduler.state_dict())
    assert apply_schedule(scheduler, flags) == ["gamma 0.9 (was 0.5)"]
    assert scheduler.turns == old_scheduler.turns == 5


def test_what_a_setting_needs_begins_with_zeros() -> None:
    old, scheduler, _ = make(0.1, 0.0, StepLR, step_size=2)
    step(old, scheduler, 2)
    weight = old.param_groups[0]["params"][0]
    new = torch.optim.AdamW([weight], lr=0.1, amsgrad=True)
    flags = note_flags(new)
    new.load_state_dict(old.state_dict())
    apply_flags(new, None, flags)
    assert torch.equal(new.state[weight]["max_exp_avg_sq"], torch.zeros(2))
    weight.grad = torch.ones(2)
    new.step()  # would raise KeyError


def test_the_flags_of_optimizer_and_schedule_are_noted_and_applied_together() -> None:
    optimizer, scheduler, _ = make(0.1, 0.01, ExponentialLR, gamma=0.5)
    flags = OptimizerFlags.note(optimizer, scheduler)
    assert flags.apply(optimizer, scheduler) == []
    optimizer.param_groups[0]["weight_decay"] = 0.5
    scheduler.gamma = 0.9
    assert flags.apply(optimizer, scheduler) == ["weight_decay 0.01 (was 0.5)", "gamma 0.5 (was 0.9)"]
