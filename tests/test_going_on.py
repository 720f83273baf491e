"""Runs that are gone on with, by the same command or another one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
import yaml

import train
from cli.run_folder import RUN_NAME_VARIABLE
from tests.helpers.runs import own_table

STOP = ["--trainer.callbacks+=EarlyStopping", "--trainer.callbacks.monitor=val/loss"]
QUICK = [
    "--trainer.max_epochs",
    "1",
    "--trainer.limit_train_batches",
    "1",
    "--trainer.limit_val_batches",
    "1",
]
CLUSTER = ("SLURM_JOB_ID", "SLURM_RESTART_COUNT", "TORCHELASTIC_RUN_ID", "TORCHELASTIC_RESTART_COUNT")

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A working folder of the test's own, without W&B and without a cluster."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WANDB_MODE", "disabled")
    for name in (RUN_NAME_VARIABLE, *CLUSTER):
        monkeypatch.delenv(name, raising=False)


def fit(*words: str) -> None:
    train.main(["fit", *own_table(Path()), *QUICK, *words])


def callbacks_of(name: str) -> list[str]:
    settings = yaml.safe_load(Path("runs", name, "config.yaml").read_text())
    return [one["class_path"].rpartition(".")[2] for one in settings["trainer"]["callbacks"]]


@pytest.mark.parametrize("words", [STOP, ["--model.add_tokens+=kari", "--wandb.tags+=mine"]])
def test_the_same_command_goes_on_and_appends_nothing(words: Sequence[str]) -> None:
    fit("--name", "mine", *words)
    before = Path("runs/mine/config.yaml").read_text()
    fit("--name", "mine", *words, "--ckpt_path", "last", "--trainer.max_epochs", "2")
    now = yaml.safe_load(Path("runs/mine/config.yaml").read_text())
    assert now.pop("ckpt_path").endswith("last.ckpt")
    expected = yaml.safe_load(before)
    del expected["ckpt_path"]
    expected["trainer"]["max_epochs"] = 2
    assert now == expected
    assert torch.load("runs/mine/checkpoints/last.ckpt", weights_only=True)["epoch"] == 2


def test_a_requeued_job_goes_on_word_by_word(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLURM_JOB_ID", "78")
    fit(*STOP, "--model.add_tokens+=kari")
    monkeypatch.setenv("SLURM_RESTART_COUNT", "1")
    fit(*STOP, "--model.add_tokens+=kari", "--trainer.max_epochs", "2")
    assert [path.name for path in Path("runs").iterdir()] == ["job-78"]
    assert callbacks_of("job-78").count("EarlyStopping") == 1
    assert torch.load("runs/job-78/checkpoints/last.ckpt", weights_only=True)["epoch"] == 2


def test_something_new_is_appended_when_going_on() -> None:
    fit("--name", "mine", *STOP)
    more = [*STOP, "--trainer.callbacks.patience", "9", "--trainer.callbacks+=DeviceStatsMonitor"]
    fit("--name", "mine", *more, "--ckpt_path", "last", "--trainer.max_epochs", "2")
    assert callbacks_of("mine")[-2:] == ["EarlyStopping", "DeviceStatsMonitor"]
    settings = yaml.safe_load(Path("runs/mine/config.yaml").read_text())
    assert settings["trainer"]["callbacks"][-2]["init_args"]["patience"] == 9
