from __future__ import annotations

import json
import os
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
import yaml
from lightning.pytorch.trainer.states import TrainerFn

from callbacks.loggers.metrics_csv import MetricsCSV
from callbacks.loggers.wandb_logger import DashboardLogger
from cli.given import name_flags, read_given
from cli.resume_diff import differences
from cli.save_config import SaveRunConfig, base_defaults, keep_given
from datamodules.sequence_task import SequenceTaskDataModule
from lightning_modules.causal_lm import CausalLM
from tests.helpers.parsing import ParseOnly
from tests.helpers.runs import write_tiny_base


class Kept:
    """A logger of any kind."""

    def __init__(self) -> None:
        self.settings: list[dict] = []

    def log_hyperparams(self, settings: dict) -> None:
        self.settings.append(settings)


def save_config(folder: Path, stage: str, loggers: list, rank: int = 0, **parts: object) -> None:
    words = ["fit", "--data.format", "tags", "--wandb.tags", "[s3cr3t-value]"]
    cli = ParseOnly(CausalLM, SequenceTaskDataModule, logger_class=DashboardLogger, args=words)
    callback = SaveRunConfig(cli._parser("fit"), cli.config.fit, words=words, given=cli.words.flags)
    trainer = SimpleNamespace(
        is_global_zero=rank == 0,
        default_root_dir=str(folder),
        loggers=loggers,
        state=SimpleNamespace(fn=TrainerFn.FITTING),
        strategy=SimpleNamespace(root_device=torch.device("cpu")),
        world_size=1,
        precision="32-true",
        **parts,
    )
    callback.setup(trainer, None, stage)  # type: ignore[arg-type]


@pytest.mark.pitfall(26)
def test_every_logger_gets_the_configuration_without_its_secrets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_TOKEN", "s3cr3t-value")
    logger = Kept()
    save_config(tmp_path, "fit", [logger, MetricsCSV(tmp_path)])
    [settings] = logger.settings
    assert settings["data"]["format"] == "tags"
    assert settings["model"]["optimizer"]["init_args"]["lr"] == 0.001
    assert settings["wandb"]["tags"] == ["(hidden)"]
    assert yaml.safe_load((tmp_path / "config.yaml").read_text())["data"]["format"] == "tags"
    written = sorted(path.name for path in tmp_path.iterdir())
    assert written == ["config.yaml", "made_by.json"]  # no second one of MetricsCSV
    record = json.loads((tmp_path / "made_by.json").read_text())
    changed = {flag: (default, value) for flag, default, value in record["changed"]}
    assert changed["data.format"] == ("arrow", "tags")
    assert changed["wandb.tags"] == (None, ["(hidden)"])
    assert list(changed) == ["data.format", "wandb.tags"]  # not what the base or the program filled in
    assert record["commands"][0]["command"].endswith("fit --data.format tags --wandb.tags '[(hidden)]'")
    assert record["device"] == "1 x cpu, 32-true"


@pytest.mark.parametrize(("stage", "rank"), [("test", 0), ("fit", 1)])
def test_configuration_is_written_by_rank_0_of_a_fit_only(tmp_path: Path, stage: str, rank: int) -> None:
    logger = Kept()
    save_config(tmp_path / "run", stage, [logger], rank)
    assert logger.settings == []
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("folder", "name"),
    [("20260101-093000", "names-tags-bundled-40"), ("job-77-2", "names-tags-bundled-40"), ("mine", None)],
)
def test_run_without_a_name_is_called_after_what_it_trains_on(
    tmp_path: Path, folder: str, name: str | None
) -> None:
    released: list[str | None] = []
    logger = DashboardLogger(save_dir=str(tmp_path), offline=True)
    logger.release = released.append  # type: ignore[method-assign,assignment]
    logger.log_hyperparams = lambda *_: None  # type: ignore[method-assign]
    (tmp_path / folder).mkdir()
    (tmp_path / folder / "data.json").write_text(json.dumps({"rows": {"train": 40}}))
    data = SimpleNamespace(task_names=["names"], form=SimpleNamespace(name="tags"), guesses=[])
    save_config(tmp_path / folder, "fit", [logger], datamodule=data)
    assert released == [name]


def test_only_given_flags_are_recorded_in_any_way_of_giving_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "own.yaml").write_text(
        "data: {batch_size: 4}\nmodel: {optimizer: {class_path: torch.optim.AdamW, init_args: {lr: 0.1}}}\n"
    )
    monkeypatch.setenv("JSONARGPARSE_DEFAULT_ENV", "true")
    monkeypatch.setenv("PL_FIT__TRAINER__MAX_EPOCHS", "3")
    words = [
        "fit",
        "--config",
        str(tmp_path / "own.yaml"),
        "--trainer.callbacks+=lightning.pytorch.callbacks.Timer",
    ]
    words += ["--model.peft", '{"r": 4}']
    flags = name_flags(read_given(words, ["fit"]), words, os.environ)
    expected = {
        *("data.batch_size", "model.optimizer", "model.optimizer.lr", "model.peft.r"),
        *("trainer.callbacks", "trainer.max_epochs"),
    }
    assert flags == expected
    changed = dict.fromkeys(
        ["trainer.callbacks.Timer", "data.digits", "model.optimizer.lr", "data.source"], (0, 1)
    )
    assert list(keep_given(changed, flags)) == ["trainer.callbacks.Timer", "model.optimizer.lr"]


def test_default_of_a_rate_is_that_of_the_base(tmp_path: Path) -> None:
    base = base_defaults(write_tiny_base(tmp_path))
    assert base == {}
    assert base_defaults("flagship")["data.format"] == "styled"
    assert base_defaults(str(tmp_path / "gone.yaml")) == {}
    before, now = {"model": {"optimizer": {"lr": 0.002}}}, {"model": {"optimizer": {"lr": 0.005}}}
    assert differences(before, now, {"model.optimizer.lr": 0.005}) == {}
