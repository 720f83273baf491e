"""The average is the one computed by hand, and stands where it is promised."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch import Callback
from lightning.pytorch.callbacks import ModelCheckpoint
from torch import Tensor, nn

from lightning_modules.decoder.lora_settings import LoraSettings
from lightning_modules.training.weight_average import KEY, WeightAverage, check_decay, decay_at
from tests.helpers.tiny_runs import RowsData, make_module, make_trainer, uneven_rows

Weights = dict[str, Tensor]
SHARDS = [[0, 1, 2]]


def weights_of(module: nn.Module) -> Weights:
    return {name: weight.detach().clone() for name, weight in module.named_parameters()}


def average_by_hand(steps: list[Weights], decay: float) -> Weights:
    """Return the average of the weights before training and after each step, with a plain loop in float64."""
    average = {name: weight.double() for name, weight in steps[0].items()}
    for number, weights in enumerate(steps[1:], start=1):
        share = min(decay, (1 + number) / (10 + number))
        average = {name: share * average[name] + (1 - share) * weights[name].double() for name in average}
    return average


class Follow(Callback):
    """Keeps the weights before training, after each step and in each validation."""

    def __init__(self) -> None:
        self.steps: list[Weights] = []
        self.evaluated: list[Weights] = []
        self.seen_last: list[Weights] = []

    def on_fit_start(self, trainer: Any, pl_module: Any) -> None:
        self.steps.append(weights_of(pl_module))

    def on_train_batch_end(self, trainer: Any, pl_module: Any, *_: Any) -> None:
        if trainer.global_step == len(self.steps):
            self.steps.append(weights_of(pl_module))

    def on_validation_batch_start(
        self, trainer: Any, pl_module: Any, batch: Any, batch_idx: int, *_: Any
    ) -> None:
        if batch_idx == 0:
            self.evaluated.append(weights_of(pl_module))

    def on_validation_epoch_end(self, trainer: Any, pl_module: Any) -> None:
        self.seen_last.append(weights_of(pl_module))


def assert_close(found: Weights, expected: Weights) -> None:
    assert found.keys() == expected.keys()
    for name, weight in found.items():
        torch.testing.assert_close(weight.double(), expected[name].double(), rtol=1e-5, atol=1e-6)


def assert_equal(found: Weights, expected: Weights) -> None:
    for name, weight in found.items():
        assert torch.equal(weight, expected[name]), name


def adam(**options: Any) -> partial[Any]:
    return partial(torch.optim.AdamW, lr=1e-2, **options)


@pytest.mark.parametrize("decay", [0.3, 0.9])
def test_evaluation_uses_the_average_of_every_step_and_training_goes_on_with_its_own_weights(
    base: str, tmp_path: Path, decay: float
) -> None:
    follow, plain = Follow(), Follow()
    options: dict[str, Any] = {"accumulate_grad_batches": 2, "max_epochs": 3}
    data = RowsData(uneven_rows(), 2, SHARDS)
    trainer = make_trainer(callbacks=[follow], **options)
    module = make_module(base, average_weights=decay, optimizer=adam())
    trainer.fit(module, data)
    make_trainer(callbacks=[plain], **options).fit(make_module(base, optimizer=adam()), data)
    assert len(follow.steps) == 1 + 6, "one update for each step of two batches"
    for found, expected in zip(follow.steps, plain.steps, strict=True):
        assert_equal(found, expected)
    for number, found in enumerate(follow.evaluated):
        expected = average_by_hand(follow.steps[: 1 + 2 * (number + 1)], decay)
        assert_close(found, expected)
        assert_equal(found, follow.seen_last[number])
        assert any(not torch.equal(found[name], follow.steps[-1][name]) for name in found)
    assert_equal(weights_of(module), follow.evaluated[-1])


@pytest.mark.parametrize("only", [False, True])
def test_every_checkpoint_has_the_average_also_one_of_weights_only(
    base: str, tmp_path: Path, only: bool
) -> None:
    keep = ModelCheckpoint(tmp_path, filename="kept", every_n_train_steps=3, save_weights_only=only)
    follow = Follow()
    trainer = make_trainer(callbacks=[follow, keep], enable_checkpointing=True)
    trainer.fit(make_module(base, average_weights=0.9), RowsData(uneven_rows(), 2, SHARDS))
    expected = average_by_hand(follow.steps[:4], 0.9)
    saved = torch.load(tmp_path / "kept.ckpt", weights_only=True)
    assert_close({name: saved["state_dict"][name] for name in expected}, expected)
    assert saved[KEY]["steps"] == 3
    assert_equal({name: saved[KEY]["trained"][name] for name in expected}, follow.steps[3])


def test_a_checkpoint_in_the_midst_of_a_validation_is_the_one_before_it(base: str, tmp_path: Path) -> None:
    class Save(Callback):
        def on_validation_start(self, trainer: Any, pl_module: Any) -> None:
            trainer.save_checkpoint(tmp_path / "before.ckpt")

        def on_validation_batch_end(self, trainer: Any, *_: Any) -> None:
            trainer.save_checkpoint(tmp_path / "within.ckpt")

    trainer = make_trainer(callbacks=[Save()])
    trainer.fit(make_module(base, average_weights=0.9), RowsData(uneven_rows(), 4, SHARDS))
    before, within = (
        torch.load(tmp_path / f"{name}.ckpt", weights_only=True) for name in ("before", "within")
    )
    assert_equal(within["state_dict"], before["state_dict"])
    assert_equal(within[KEY]["trained"], before[KEY]["trained"])


def test_a_resumed_fit_ends_with_the_same_bits(base: str, tmp_path: Path) -> None:
    data = RowsData(uneven_rows(), 2, SHARDS)

    def fit(epochs: int, name: str, resume: Path | None = None) -> dict[str, Any]:
        trainer = make_trainer(max_epochs=epochs)
        module = make_module(
            base, average_weights=0.9, optimizer=adam(), warmup_fraction=0, min_lr_fraction=1
        )
        trainer.fit(module, data, ckpt_path=resume)
        module._average.exchange()  # what on_train_end has shown
        trainer.save_checkpoint(tmp_path / name)
        found: dict[str, Any] = torch.load(tmp_path / name, weights_only=True)
        return found

    whole = fit(3, "whole.ckpt")
    fit(1, "part.ckpt")
    resumed = fit(3, "resumed.ckpt", tmp_path / "part.ckpt")
    assert resumed[KEY]["steps"] == whole[KEY]["steps"] == 12
    assert_equal(resumed["state_dict"], whole["state_dict"])
    assert_equal(resumed[KEY]["trained"], whole[KEY]["trained"])


@pytest.mark.parametrize(("first", "then"), [(0.9, None), (None, 0.9)])
def test_a_fit_that_goes_on_with_another_flag_trains_its_own_weights(
    base: str, tmp_path: Path, first: float | None, then: float | None
) -> None:
    data = RowsData(uneven_rows(), 2)
    follow, more = Follow(), Follow()
    trainer = make_trainer(callbacks=[follow])
    trainer.fit(make_module(base, average_weights=first), data)
    path = tmp_path / "part.ckpt"
    trainer.save_checkpoint(path)
    make_trainer(callbacks=[more], max_epochs=2).fit(
        make_module(base, average_weights=then), data, ckpt_path=path
    )
    assert_equal(more.steps[0], follow.steps[-1])


def test_frozen_weights_keep_every_bit_and_adapters_are_averaged(base: str, tmp_path: Path) -> None:
    follow = Follow()
    trainer = make_trainer(callbacks=[follow], max_epochs=2)
    module = make_module(base, average_weights=0.5, peft=LoraSettings(rank=2), optimizer=adam())
    trainer.fit(module, RowsData(uneven_rows(), 2, SHARDS))
    trainer.save_checkpoint(tmp_path / "last.ckpt")
    saved = torch.load(tmp_path / "last.ckpt", weights_only=True)
    assert_close(follow.evaluated[-1], average_by_hand(follow.steps, 0.5))
    assert saved[KEY]["trained"]
    assert all("lora" in name for name in saved[KEY]["trained"])
    for name, weight in follow.evaluated[-1].items():
        assert ("lora" in name) or torch.equal(weight, follow.steps[0][name])


def test_compiled_training_is_averaged_and_evaluated_by_the_average(base: str) -> None:
    follow = Follow()
    module = make_module(base, average_weights=0.5, compile=True, attention="eager", optimizer=adam())
    make_trainer(callbacks=[follow], max_epochs=2).fit(module, RowsData(uneven_rows(), 4, SHARDS))
    assert_close(follow.evaluated[0], average_by_hand(follow.steps[:3], 0.5))
    assert_close(follow.evaluated[1], average_by_hand(follow.steps, 0.5))
    assert any(not torch.equal(follow.steps[4][name], follow.steps[2][name]) for name in follow.steps[0])


def test_tied_weights_are_averaged_once_and_stand_under_both_names(tmp_path: Path) -> None:
    module = nn.ModuleDict({"one": nn.Linear(2, 2), "two": nn.Linear(2, 2)})
    module["two"].weight = module["one"].weight
    average = WeightAverage(0.5)
    average.begin(module)
    before = module["one"].weight.detach().clone()
    with torch.no_grad():
        module["one"].weight.add_(1)
    average.update()
    checkpoint: dict[str, Any] = {"state_dict": module.state_dict()}
    average.add_to(checkpoint)
    for name in ("one.weight", "two.weight"):
        torch.testing.assert_close(checkpoint["state_dict"][name], before + 1 - decay_at(1, 0.5))
        torch.testing.assert_close(checkpoint[KEY]["trained"][name], before + 1)


def test_without_an_average_nothing_is_added(base: str, tmp_path: Path) -> None:
    trainer = make_trainer()
    trainer.fit(make_module(base), RowsData(uneven_rows(), 8, SHARDS))
    trainer.save_checkpoint(tmp_path / "last.ckpt")
    assert KEY not in torch.load(tmp_path / "last.ckpt", weights_only=True)


@pytest.mark.parametrize("decay", [0, 1, 1.5, -0.1])
def test_a_decay_out_of_range_is_an_error(base: str, decay: float) -> None:
    with pytest.raises(ValueError, match=rf"--model.average_weights to be above 0 .*, but got {decay}"):
        make_module(base, average_weights=decay)
    check_decay(None)


def test_weights_with_too_few_digits_are_refused(base: str) -> None:
    with pytest.raises(ValueError, match=r"bf16-mixed\), but got torch.bfloat16"):
        make_trainer(precision="bf16-true").fit(
            make_module(base, average_weights=0.9), RowsData(uneven_rows(), 8)
        )
