"""The trainer's switches and the loggers, plugins and callbacks that a user adds, in whole runs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from jsonargparse import Namespace
from lightning.pytorch.callbacks import EarlyStopping, LearningRateMonitor, ModelCheckpoint
from lightning.pytorch.loggers import CSVLogger, WandbLogger
from lightning.pytorch.plugins import TorchCheckpointIO
from lightning.pytorch.plugins.environments import LightningEnvironment
from safetensors.torch import load_file

from callbacks.run.checkpoint_io import CheckpointWriter
from cli.trainer.parts import (
    UNSETTLED,
    add_writer,
    choose_callbacks,
    choose_strategy,
    has_precision,
    join_loggers,
    settle_dirpaths,
    settle_folders,
)
from cli.trainer.sharded_strategy import ShardedStrategy
from tests.helpers.runs import last_metrics, own_table

pytestmark = pytest.mark.filterwarnings("ignore")
SHORT = ["--trainer.max_epochs", "1", "--trainer.limit_train_batches", "2", "--trainer.accelerator", "cpu"]


def test_writer_of_checkpoints_stays_beside_other_plugins() -> None:
    environment, own = LightningEnvironment(), TorchCheckpointIO()
    assert [type(plugin) for plugin in add_writer(None)] == [CheckpointWriter]
    assert [type(plugin) for plugin in add_writer(environment)] == [LightningEnvironment, CheckpointWriter]
    assert add_writer([own]) == [own]


def test_precision_of_a_plugin_is_noticed() -> None:
    half = Namespace(class_path="lightning.pytorch.plugins.HalfPrecision", init_args=Namespace())
    other = Namespace(class_path="lightning.pytorch.plugins.environments.LightningEnvironment")
    assert has_precision(half)
    assert has_precision([other, half])
    assert not has_precision(other)
    assert not has_precision(None)


def test_named_loggers_are_added_and_wandb_replaces_wandb(tmp_path: Path) -> None:
    csv, wandb, other = CSVLogger(tmp_path), WandbLogger(offline=True), CSVLogger(tmp_path / "other")
    mine = WandbLogger(offline=True)
    assert join_loggers([csv, wandb], True) == [csv, wandb]
    assert join_loggers([csv, wandb], other) == [csv, wandb, other]
    assert join_loggers([csv, wandb], [mine, other]) == [csv, mine, other]


def test_switches_leave_out_what_lightning_would_refuse() -> None:
    rates, best, stopping = LearningRateMonitor(), ModelCheckpoint(), EarlyStopping("val/loss")
    every = [rates, best, stopping]
    assert choose_callbacks(every, logs=True, checkpoints=True) == every
    assert choose_callbacks(every, logs=False, checkpoints=True) == [best, stopping]
    assert choose_callbacks(every, logs=True, checkpoints=False) == [rates, stopping]


def test_folders_that_nobody_has_chosen_are_the_runs() -> None:
    def logger(folder: str) -> Namespace:
        return Namespace(class_path="x", init_args=Namespace(save_dir=folder))

    loggers = [logger(UNSETTLED), logger("runs/old"), logger("mine")]
    settle_folders(loggers, "save_dir", "runs/old", Path("runs/new"))
    assert [one.init_args.save_dir for one in loggers] == ["runs/new", "runs/new", "mine"]
    callbacks = [
        Namespace(class_path="Checkpoint"),
        Namespace(class_path="x", init_args=Namespace(dirpath=None)),
        Namespace(class_path="x", init_args=Namespace(dirpath="mine")),
    ]
    settle_dirpaths(callbacks, Path("runs/new"))
    assert [one.init_args.dirpath for one in callbacks[1:]] == ["runs/new/checkpoints", "mine"]


def test_run_without_loggers_keeps_its_reports(run_in: Callable[..., Path], tmp_path: Path) -> None:
    run = run_in("fit", "--name", "x", *own_table(tmp_path), *SHORT, "--trainer.logger", "false") / "x"
    assert not (run / "metrics.csv").exists()
    assert all(
        (run / name).exists() for name in ("summary.json", "checkpoints/best.ckpt", "predictions", "hf")
    )
    run_in("test", "--ckpt_path", str(run / "checkpoints" / "best.ckpt"))
    assert list((run / "test" / "predictions").glob("*.csv"))
    assert not (run / "test" / "metrics.csv").exists()


def test_run_without_checkpoints_exports_its_last_weights(
    run_in: Callable[..., Path], tmp_path: Path
) -> None:
    words = [*own_table(tmp_path), *SHORT, "--trainer.enable_checkpointing", "false"]
    run = run_in("fit", "--name", "x", *words) / "x"
    assert not list(run.rglob("*.ckpt"))
    assert (run / "hf" / "model.safetensors").is_file()
    assert (run / "metrics.csv").is_file()


def test_named_logger_logs_into_the_run_and_its_tests_folder(
    run_in: Callable[..., Path], tmp_path: Path
) -> None:
    words = [*own_table(tmp_path), *SHORT, "--trainer.logger", "CSVLogger"]
    run = run_in("fit", "--name", "x", *words) / "x"
    [added] = run.glob("lightning_logs/version_0/metrics.csv")
    assert last_metrics(added)["val/loss"] == last_metrics(run / "metrics.csv")["val/loss"]
    run_in("test", "--ckpt_path", str(run / "checkpoints" / "best.ckpt"))
    assert list((run / "test").glob("lightning_logs/*/metrics.csv"))
    run_in(
        "fit",
        "--ckpt_path",
        str(run / "checkpoints" / "last.ckpt"),
        "--name",
        "y",
        "--trainer.max_epochs",
        "2",
    )
    settings = yaml.safe_load((run.parent / "y" / "config.yaml").read_text())
    assert settings["trainer"]["logger"]["init_args"]["save_dir"] == "runs/y"


def test_averaged_weights_are_the_ones_that_are_kept_and_exported(
    run_in: Callable[..., Path], tmp_path: Path
) -> None:
    words = ["--trainer.callbacks+=EMAWeightAveraging", "--trainer.callbacks.decay=0.5"]
    run = run_in("fit", "--name", "x", *own_table(tmp_path), *SHORT, *words) / "x"
    best = torch.load(run / "checkpoints" / "best.ckpt", weights_only=True)
    exported = load_file(run / "hf" / "model.safetensors")
    name = "model.layers.0.mlp.up_proj.weight"
    averaged, last = (best[key][f"decoder.{name}"] for key in ("state_dict", "current_model_state"))
    assert torch.equal(exported[name], averaged)
    assert not torch.equal(averaged, last)


def test_accumulation_by_a_schedule_is_that_of_the_flag(run_in: Callable[..., Path], tmp_path: Path) -> None:
    table, weights = own_table(tmp_path), []
    for name, words in (
        ("flag", ["--trainer.accumulate_grad_batches", "2"]),
        (
            "schedule",
            ["--trainer.callbacks+=GradientAccumulationScheduler", "--trainer.callbacks.scheduling={0: 2}"],
        ),
    ):
        run = run_in("fit", "--name", name, *table, *SHORT, *words) / name
        checkpoint: dict[str, Any] = torch.load(run / "checkpoints" / "last.ckpt", weights_only=True)
        assert checkpoint["global_step"] == 1
        weights.append(checkpoint["state_dict"])
    for name, value in weights[0].items():
        assert torch.equal(weights[1][name], value), name


# By default the tests of the model train and answer in the other two.
@pytest.mark.parametrize(
    "precision",
    ["bf16-true", *(pytest.param(name, marks=pytest.mark.slow) for name in ("16-true", "64-true"))],
)
def test_true_precision_works_in_every_subcommand(
    run_in: Callable[..., Path], tmp_path: Path, precision: str
) -> None:
    words = [*own_table(tmp_path), *SHORT, "--trainer.precision", precision, "--data.packing", "true"]
    run = run_in("fit", "--name", "x", *words) / "x"
    checkpoint = ["--ckpt_path", str(run / "checkpoints" / "best.ckpt")]
    for subcommand in ("validate", "test"):
        run_in(subcommand, *checkpoint)
        assert list((run / subcommand / "predictions").glob("*.csv"))
    questions = tmp_path / "questions.csv"
    questions.write_text("smiles\nCCO\nC\n")
    run_in("predict", *checkpoint, "--data.predict_path", str(questions))
    assert list((run / "predict").rglob("*.csv"))
    run_in("fit", "--ckpt_path", str(run / "checkpoints" / "last.ckpt"), "--trainer.max_epochs", "2")
    types = {str(value.dtype) for value in load_file(run / "hf" / "model.safetensors").values()}
    assert types == {
        {"bf16-true": "torch.bfloat16", "16-true": "torch.float16"}.get(precision, "torch.float64")
    }


def test_the_word_sharded_makes_its_strategy_and_others_are_lightnings() -> None:
    assert isinstance(choose_strategy("sharded"), ShardedStrategy)
    assert choose_strategy("ddp") == "ddp"
