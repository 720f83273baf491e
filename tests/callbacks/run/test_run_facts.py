from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.trainer.states import TrainerFn

from callbacks.run.run_facts import (
    METRICS_KEY,
    MetricsKeeper,
    best_checkpoint,
    find_log_interval,
    find_threshold,
    from_here,
    is_trial,
    last_checkpoint_file,
    load_checkpoint,
    output_folder,
    run_folder,
)
from tests.helpers.callback_stubs import Pair, ScriptedModel, StubData, make_trainer


def test_a_run_has_a_folder_and_each_subcommand_one_in_it(tmp_path: Path) -> None:
    trainer: Any = SimpleNamespace(default_root_dir=str(tmp_path), state=SimpleNamespace(fn=None))
    assert run_folder(trainer) == output_folder(trainer) == tmp_path
    assert last_checkpoint_file(trainer) == tmp_path / "checkpoints" / "last.ckpt"
    for function, name in (
        (TrainerFn.FITTING, "."),
        (TrainerFn.TESTING, "test"),
        (TrainerFn.PREDICTING, "predict"),
    ):
        trainer.state.fn = function
        assert output_folder(trainer) == tmp_path / name


def test_a_path_is_shown_as_a_person_would_type_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert from_here(tmp_path / "runs" / "mine") == Path("runs/mine")
    assert from_here(tmp_path.parent / "other") == tmp_path.parent / "other"


def test_facts_that_lightning_does_not_declare_are_there(tmp_path: Path) -> None:
    pairs = [Pair("a", "b", "b")]
    trainer = make_trainer(tmp_path, [], log_every_n_steps=7, fast_dev_run=True)
    trainer.validate(ScriptedModel(pairs), datamodule=StubData(pairs), verbose=False)
    assert find_log_interval(trainer) == 7
    assert is_trial(trainer)
    assert not is_trial(make_trainer(tmp_path, []))


def test_a_model_without_generation_has_no_threshold() -> None:
    model = ScriptedModel([])
    assert find_threshold(model) is None
    model.generation = SimpleNamespace(abstain_below=0.2)
    assert find_threshold(model) == 0.2


def test_a_checkpoint_keeps_the_metrics_of_its_weights() -> None:
    checkpoint: dict[str, Any] = {}
    trainer: Any = SimpleNamespace(callback_metrics={"val/loss": torch.tensor(0.5)})
    MetricsKeeper().on_save_checkpoint(trainer, ScriptedModel([]), checkpoint)
    assert checkpoint == {METRICS_KEY: {"val/loss": 0.5}}


def test_the_best_is_that_of_the_first_callback_that_watches_a_metric_and_wrote_a_file(
    tmp_path: Path,
) -> None:
    plain, watching, unwritten = ModelCheckpoint(), ModelCheckpoint(monitor="a"), ModelCheckpoint(monitor="b")
    trainer: Any = SimpleNamespace(checkpoint_callbacks=[plain, unwritten, watching])
    assert best_checkpoint(trainer) is None
    for callback, name in ((plain, "plain"), (watching, "watching"), (unwritten, "gone")):
        callback.best_model_path = str(tmp_path / f"{name}.ckpt")
    for name in ("plain", "watching"):
        (tmp_path / f"{name}.ckpt").touch()
    assert best_checkpoint(trainer) == tmp_path / "watching.ckpt"
    trainer.checkpoint_callbacks = [plain]
    assert best_checkpoint(trainer) == tmp_path / "plain.ckpt"


def test_a_checkpoint_is_read_as_values_or_not_at_all(tmp_path: Path) -> None:
    torch.save({"weight": torch.ones(2)}, tmp_path / "good.ckpt")
    assert torch.equal(load_checkpoint(tmp_path / "good.ckpt")["weight"], torch.ones(2))
    (tmp_path / "bad.ckpt").write_text("no checkpoint")
    with pytest.raises(ValueError, match=r"bad\.ckpt: expected a checkpoint of tensors and plain values"):
        load_checkpoint(tmp_path / "bad.ckpt")
