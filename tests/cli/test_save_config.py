from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

from callbacks.loggers.metrics_csv import MetricsCSV
from callbacks.loggers.wandb_logger import DashboardLogger
from cli.save_config import SaveRunConfig
from datamodules.sequence_task import SequenceTaskDataModule
from lightning_modules.causal_lm import CausalLM
from tests.helpers.parsing import ParseOnly


class Kept:
    """A logger of any kind."""

    def __init__(self) -> None:
        self.settings: list[dict] = []

    def log_hyperparams(self, settings: dict) -> None:
        self.settings.append(settings)


def save_config(folder: Path, stage: str, loggers: list, rank: int = 0) -> None:
    words = ["fit", "--data.format", "tags", "--wandb.tags", "[s3cr3t-value]"]
    cli = ParseOnly(CausalLM, SequenceTaskDataModule, logger_class=DashboardLogger, args=words)
    callback = SaveRunConfig(cli._parser("fit"), cli.config.fit)
    trainer = SimpleNamespace(is_global_zero=rank == 0, default_root_dir=str(folder), loggers=loggers)
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
    assert [path.name for path in tmp_path.iterdir()] == ["config.yaml"]  # no second one of MetricsCSV


@pytest.mark.parametrize(("stage", "rank"), [("test", 0), ("fit", 1)])
def test_configuration_is_written_by_rank_0_of_a_fit_only(tmp_path: Path, stage: str, rank: int) -> None:
    logger = Kept()
    save_config(tmp_path / "run", stage, [logger], rank)
    assert logger.settings == []
    assert not (tmp_path / "run").exists()
