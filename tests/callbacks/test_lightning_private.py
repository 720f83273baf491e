"""Each fails when Lightning renames what callbacks/lightning_private.py takes from it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from lightning.fabric.plugins.environments import LightningEnvironment, SLURMEnvironment
from lightning.pytorch.cli import LightningCLI
from lightning.pytorch.demos.boring_classes import BoringDataModule, BoringModel
from lightning.pytorch.loggers import WandbLogger
from lightning.pytorch.loops.loop import _Loop
from lightning.pytorch.strategies import ModelParallelStrategy
from lightning.pytorch.strategies.launchers.subprocess_script import _SubprocessScriptLauncher

from callbacks.lightning_private import (
    OpenCLI,
    end_restart,
    find_environment,
    find_wandb_arguments,
    find_wandb_run,
    is_attached,
    is_offline,
    keep_wandb_run,
    leave_online,
    replaced_process_observer,
    set_data_parallel_size,
    validates_by_time,
)
from tests.helpers.callback_stubs import make_trainer


def test_the_environment_is_lightnings_or_slurms(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(find_environment(make_trainer(tmp_path, [])), LightningEnvironment)
    for name, value in {
        "JOB_ID": "7",
        "JOB_NAME": "fit",
        "NTASKS": "1",
        "PROCID": "0",
        "LOCALID": "0",
    }.items():
        monkeypatch.setenv(f"SLURM_{name}", value)
    monkeypatch.setattr(SLURMEnvironment, "detect", staticmethod(lambda: True))
    assert isinstance(find_environment(make_trainer(tmp_path, [])), SLURMEnvironment)


@pytest.mark.parametrize(
    ("interval", "by_time"),
    [(None, False), (0.5, False), (2, False), ("00:00:10:00", True), (timedelta(minutes=1), True)],
)
def test_an_interval_that_is_a_time_is_told_from_one_of_batches(
    tmp_path: Path, interval: Any, by_time: bool
) -> None:
    assert validates_by_time(make_trainer(tmp_path, [], val_check_interval=interval)) is by_time


def test_the_restart_of_the_fit_loop_ends_and_of_no_loop_in_it(tmp_path: Path) -> None:
    trainer = make_trainer(tmp_path, [], max_steps=1)
    trainer.fit_loop.restarting = True
    assert trainer.fit_loop.restarting
    end_restart(trainer)
    assert not trainer.fit_loop.restarting
    inner = [loop for loop in vars(trainer.fit_loop).values() if isinstance(loop, _Loop)]
    assert inner
    assert all(loop.restarting for loop in inner)


def test_the_launcher_gives_its_processes_to_the_observer_and_later_to_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    observed: list[Any] = []
    launcher: Any = _SubprocessScriptLauncher(LightningEnvironment(), num_processes=2, num_nodes=1)
    launcher.procs = ["a process"]
    monkeypatch.setattr(launcher, "_call_children_scripts", lambda: None)
    with replaced_process_observer(lambda processes: observed.append("outer")):
        with replaced_process_observer(observed.extend):
            launcher.launch(lambda: None)
        launcher.launch(lambda: None)
    assert observed == ["a process", "outer"]


def test_the_clis_own_steps_go_through_the_public_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[Any] = []

    class Mine(OpenCLI):
        def make_subcommand_parser(self, trainer_class: type, subcommand: str, **kwargs: Any) -> Any:
            calls.append(subcommand)
            return super().make_subcommand_parser(trainer_class, subcommand, **kwargs)

        def read_checkpoint_settings(self) -> None:
            calls.append("read_checkpoint_settings")
            super().read_checkpoint_settings()

        def instantiate_classes(self) -> None:
            calls.append("instantiate_classes")

        def _run_subcommand(self, subcommand: str) -> None:
            pass

    Mine(BoringModel, BoringDataModule, args=["fit"])
    assert calls[-2:] == ["read_checkpoint_settings", "instantiate_classes"]
    assert calls[:-2] == list(LightningCLI.subcommands())


def test_the_run_of_a_wandb_logger_is_the_one_that_lightning_uses(tmp_path: Path) -> None:
    logger = WandbLogger(save_dir=str(tmp_path), project="mine")
    assert find_wandb_run(logger) is None
    assert find_wandb_arguments(logger)["project"] == "mine"
    assert not is_offline(logger)
    leave_online(logger)
    assert is_offline(logger)
    keep_wandb_run(logger, run := SimpleNamespace(id="7"))
    assert find_wandb_run(logger) is run
    assert logger.experiment is run
    assert logger.version == "7"


def test_the_offline_logger_is_lightnings(tmp_path: Path) -> None:
    assert is_offline(WandbLogger(save_dir=str(tmp_path), offline=True))


def test_a_copied_wandb_logger_is_attached(tmp_path: Path) -> None:
    logger = WandbLogger(save_dir=str(tmp_path), offline=True)
    keep_wandb_run(logger, SimpleNamespace(id="7", _attach_id="8", name="mine"))
    assert not is_attached(logger)
    copied = WandbLogger.__new__(WandbLogger)
    copied.__dict__.update(logger.__getstate__())
    assert is_attached(copied)
    assert find_wandb_run(copied) is None


def test_the_number_of_ranks_that_share_out_is_the_argument_of_the_strategy() -> None:
    strategy = ModelParallelStrategy()
    set_data_parallel_size(strategy, 3)
    assert vars(strategy) == vars(ModelParallelStrategy(data_parallel_size=3)) | {
        name: value for name, value in vars(strategy).items() if name != "_data_parallel_size"
    }
