"""Every file in configs/ is read by the code that reads it in earnest."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from callbacks.wandb_logger import DashboardLogger
from configs.cli import PatoisCLI
from configs.help import saved_help
from configs.lookup import CONFIGS, list_configs
from configs.write_help import live_help, page_names
from datamodules.sequence_task import SequenceTaskDataModule
from lightning_modules.causal_lm import CausalLM
from lightning_modules.decoders import resolve_base

KINDS = {"tasks", "formats", "bases", "trainer", "debug", "studies", "help"}


class ParseOnly(PatoisCLI):
    """The command line up to where it would make things."""

    def before_instantiate_classes(self) -> None:
        pass

    def instantiate_classes(self) -> None:
        pass

    def _run_subcommand(self, subcommand: str) -> None:
        pass


def parse(args: Sequence[str]) -> Any:
    return ParseOnly(CausalLM, SequenceTaskDataModule, logger_class=DashboardLogger, args=list(args)).config


def test_no_kind_of_file_is_forgotten_here() -> None:
    assert {path.name for path in CONFIGS.iterdir() if path.is_dir() and path.name != "__pycache__"} == KINDS


def test_the_default_configuration() -> None:
    config = parse(["fit"]).fit
    assert config.data.format in list_configs("formats")
    assert config.model.base == "builtin"
    assert config.model.optimizer.class_path == "torch.optim.AdamW"
    assert config.trainer.precision is None  # chosen by device


@pytest.mark.parametrize(
    "path",
    sorted((CONFIGS / "trainer").glob("*.yaml")) + sorted((CONFIGS / "debug").glob("*.yaml")),
    ids=lambda p: p.stem,
)
def test_trainer_and_debug_files(path: Path) -> None:
    config = parse(["fit", "--config", str(path)]).fit
    for group, values in yaml.safe_load(path.read_text()).items():
        for name, value in values.items():
            assert name == "strategy" or config[f"{group}.{name}"] == value


@pytest.mark.parametrize("name", list_configs("bases"))
def test_bases(name: str) -> None:
    base = resolve_base(name)
    assert base.licence != "unknown"
    assert base.is_local or base.revision


@pytest.mark.parametrize("path", sorted((CONFIGS / "studies").glob("*.yaml")), ids=lambda p: p.stem)
def test_studies_are_wandb_sweeps_whose_every_flag_is_understood(path: Path) -> None:
    study = yaml.safe_load(path.read_text())
    assert study["program"] == "train.py"
    assert study["command"] == ["${env}", "${interpreter}", "${program}", "fit", "${args}"]
    assert study["method"] in ("grid", "random", "bayes")
    assert study["metric"]["name"] == "val/exact_match"
    flags = [
        [f"--{name}={value}" for value in (spec["values"] if "values" in spec else [spec["value"]])]
        for name, spec in study["parameters"].items()
    ]
    # Each value of each flag once, not the whole grid.
    for number in range(max(len(values) for values in flags)):
        parse(["fit", *(values[number % len(values)] for values in flags)])
    assert len(list(itertools.product(*flags))) <= 20


@pytest.mark.parametrize("page", sorted(page_names()))
def test_saved_help_is_what_the_command_line_says(page: str) -> None:
    args = page_names()[page]
    assert saved_help([*args, "--help"]) == live_help(args), "run `make help-pages`"


def test_unknown_flags_are_errors(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse(["fit", "--data.fromat", "arrow"])
    assert "fromat" in capsys.readouterr().err
