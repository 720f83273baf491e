"""Runs with last.ckpt: when it is written; the stress tests resume from it, kill and stop runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch import Callback

from callbacks.loggers.metrics_csv import MetricsCSV
from callbacks.run import write_timing
from callbacks.run.last_checkpoint import LastCheckpoint
from callbacks.run.resume_contents import STATE_KEY
from tests.helpers.callback_stubs import Pair, ScriptedModel, StubData, make_trainer

PAIRS = [Pair("a", "b", "b", "t", "text")] * 12
Moment = tuple[str, int, int]


class Written(LastCheckpoint):
    """Notes the moment, the optimizer steps and the rows of metrics.csv of each checkpoint."""

    def __init__(self, minutes: float = 5.0) -> None:
        super().__init__(minutes)
        self.moments: list[Moment] = []

    def write(self, trainer: Any, moment: Any) -> None:
        super().write(trainer, moment)
        path = Path(trainer.default_root_dir) / "checkpoints" / "last.ckpt"
        rows = torch.load(path, weights_only=True)[STATE_KEY]["rows"]
        self.moments.append((moment, trainer.global_step, rows))


def fit(folder: Path, callback: Callback, ckpt_path: Path | None = None, **options: Any) -> None:
    trainer = make_trainer(
        folder, [callback], logger=MetricsCSV(folder, resume=ckpt_path is not None), **options
    )
    trainer.fit(ScriptedModel(PAIRS), datamodule=StubData(PAIRS, batch_size=4), ckpt_path=ckpt_path)


def test_it_is_written_before_each_validation_and_between_epochs(tmp_path: Path) -> None:
    fit(tmp_path, written := Written(), max_epochs=2)
    # 3 steps and 3 rows an epoch: a validation of this model logs nothing
    assert written.moments == [("validation", 3, 3), ("epoch", 3, 3), ("validation", 6, 6), ("epoch", 6, 6)]


def test_within_an_epoch_it_is_written_as_often_as_asked_where_a_step_begins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(write_timing, "LARGEST_SHARE", float("inf"))
    fit(tmp_path, written := Written(minutes=0), accumulate_grad_batches=2)
    # of three batches the second ends a step; nothing has happened yet when the first begins
    assert written.moments == [("batch", 1, 1), ("validation", 2, 2), ("epoch", 2, 2)]


class Stop(Callback):
    """Asks for the end of the run after a batch of the first epoch."""

    def __init__(self, batch: int) -> None:
        self.batch = batch

    def on_train_batch_end(self, trainer: Any, *_: Any) -> None:
        trainer.should_stop = trainer.should_stop or trainer.fit_loop.batch_idx == self.batch


@pytest.mark.parametrize(
    ("options", "asked", "moments"),
    [
        ({"max_steps": 1}, None, [("batch", 1, 1)]),
        ({"max_steps": 2, "val_check_interval": 2}, None, [("validation", 2, 2), ("validated", 2, 2)]),
        ({"max_steps": 3}, None, [("validation", 3, 3), ("epoch", 3, 3)]),  # the epoch is over, too
        ({}, 1, [("stop", 2, 2)]),  # before the validation that Lightning adds
        ({"val_check_interval": 2}, 1, [("validation", 2, 2), ("validated", 2, 2)]),
    ],
)
def test_a_run_that_ends_within_an_epoch_is_written_as_it_is_there(
    tmp_path: Path, options: dict[str, Any], asked: int | None, moments: list[Moment]
) -> None:
    written, stop = Written(), [] if asked is None else [Stop(asked)]
    trainer = make_trainer(tmp_path, [written, *stop], logger=MetricsCSV(tmp_path), **options)
    trainer.fit(ScriptedModel(PAIRS), datamodule=StubData(PAIRS, batch_size=4))
    assert written.moments == moments


def test_minutes_below_zero_are_refused() -> None:
    with pytest.raises(ValueError, match=r"--checkpoint.minutes to be at least 0, but got -1"):
        LastCheckpoint(-1)


def test_a_run_that_is_over_goes_on_with_more_epochs(tmp_path: Path) -> None:
    fit(tmp_path, LastCheckpoint(), max_epochs=1)
    fit(tmp_path, written := Written(), tmp_path / "checkpoints" / "last.ckpt", max_epochs=2)
    assert written.moments == [("validation", 6, 6), ("epoch", 6, 6)]


def test_a_run_past_the_last_epoch_is_refused_in_one_line(tmp_path: Path) -> None:
    fit(tmp_path, LastCheckpoint(), max_epochs=2)
    with pytest.raises(ValueError, match=r"--trainer.max_epochs to be at least 2, .* but got 1"):
        fit(tmp_path, LastCheckpoint(), tmp_path / "checkpoints" / "last.ckpt", max_epochs=1)


def test_a_trial_writes_nothing(tmp_path: Path) -> None:
    fit(tmp_path, written := Written(minutes=0), fast_dev_run=True)
    assert written.moments == []


def test_no_checkpoint_holds_more_than_tensors_and_plain_values(tmp_path: Path) -> None:
    fit(tmp_path, LastCheckpoint())
    state = torch.load(tmp_path / "checkpoints" / "last.ckpt", weights_only=True)[STATE_KEY]
    assert state["moment"] == "epoch"
    assert len(state["rng"]) == 1
