"""The learning rate that a run trains with, fresh and gone on with."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch.callbacks import Callback
from torch.optim.lr_scheduler import ReduceLROnPlateau, StepLR

from tests.helpers.tiny_runs import (
    RowsData,
    Watch,
    make_module,
    make_trainer,
    uneven_rows,
)


def test_default_schedule_warms_up_and_falls_once_per_optimizer_step(base: str) -> None:
    watch = Watch()
    module = make_module(
        base, optimizer=partial(torch.optim.SGD, lr=1.0), warmup_fraction=0.25, min_lr_fraction=0.1
    )
    data = RowsData(uneven_rows(), batch_size=1)
    make_trainer(callbacks=[watch], accumulate_grad_batches=2, max_epochs=2).fit(module, data)
    rates = [group[0] for group in watch.rates][::2]  # 8 optimizer steps of two micro-batches
    assert [group[0] for group in watch.rates][1::2] == rates
    assert rates[:3] == pytest.approx([0.5, 1.0, 1.0])
    assert rates[2:] == sorted(rates[2:], reverse=True)
    assert min(rates) > 0.1


class StopAfterTwoEpochs(Callback):
    def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
        trainer.should_stop = trainer.current_epoch == 1


def test_schedule_goes_on_after_a_resume(base: str, tmp_path: Path) -> None:
    def run(*callbacks: Callback, resume: Path | None = None) -> tuple[Any, list[float]]:
        watch = Watch()
        trainer = make_trainer(callbacks=[watch, *callbacks], max_epochs=4)
        trainer.fit(make_module(base, warmup_fraction=0.5), RowsData(uneven_rows(), 4), ckpt_path=resume)
        return trainer, [rates[0] for rates in watch.rates]

    _, expected = run()
    half, before = run(StopAfterTwoEpochs())
    half.save_checkpoint(tmp_path / "half.ckpt")
    _, after = run(resume=tmp_path / "half.ckpt")
    assert len(before) == len(after) == 4
    assert before + after == pytest.approx(expected)


def test_own_scheduler_is_used(base: str) -> None:
    watch = Watch()
    module = make_module(base, scheduler=partial(StepLR, step_size=1, gamma=0.5))
    make_trainer(callbacks=[watch]).fit(module, RowsData(uneven_rows(), 4))
    assert [rates[0] for rates in watch.rates] == pytest.approx([0.1, 0.05])

    plateau = make_module(base, scheduler=partial(ReduceLROnPlateau, patience=0))
    data = RowsData(uneven_rows(), 4, shards=[[0, 1]])
    make_trainer(max_epochs=2).fit(plateau, data)
