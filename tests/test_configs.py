"""Every file in configs/ is read by the code that reads it in earnest."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
import yaml

from configs.lookup import CONFIGS, list_configs
from lightning_modules.decoder.bases import resolve_base
from lightning_modules.decoder.vocabulary import read_tokens
from tests.helpers.parsing import parse

KINDS = {"tasks", "formats", "bases", "trainer", "debug", "studies", "help", "adapters", "tokens", "paper"}


def test_every_folder_of_configs_is_tested() -> None:
    assert {path.name for path in CONFIGS.iterdir() if path.is_dir() and path.name != "__pycache__"} == KINDS


def test_default_configuration_is_parsed() -> None:
    config = parse(["fit"]).fit
    assert config.data.format in list_configs("formats")
    assert config.model.base == "bundled"
    assert config.model.optimizer.class_path == "torch.optim.AdamW"
    assert config.trainer.precision is None  # chosen by device


@pytest.mark.parametrize(
    "path",
    sorted((CONFIGS / "trainer").glob("*.yaml")) + sorted((CONFIGS / "debug").glob("*.yaml")),
    ids=lambda p: p.stem,
)
def test_trainer_and_debug_files_are_parsed(path: Path) -> None:
    config = parse(["fit", "--config", str(path)]).fit
    for group, values in yaml.safe_load(path.read_text()).items():
        for name, value in values.items():
            assert name == "strategy" or config[f"{group}.{name}"] == value


@pytest.mark.parametrize("name", list_configs("bases"))
def test_bases_state_licence_and_revision(name: str) -> None:
    base = resolve_base(name)
    assert base.licence != "unknown"
    assert "earning rate" not in base.note  # `learning_rate:` says it, where the program reads it
    assert base.is_local or base.revision


@pytest.mark.parametrize("path", sorted((CONFIGS / "adapters").glob("*.yaml")), ids=lambda p: p.stem)
def test_adapter_files_are_parsed(path: Path) -> None:
    model = parse(["fit", "--config", str(path), "--model.peft.alpha", "8"]).fit.model
    assert model.peft.as_dict() == yaml.safe_load(path.read_text())["model"]["peft"] | {"alpha": 8.0}
    assert model.optimizer.init_args.lr == 1e-3


@pytest.mark.parametrize("name", list_configs("tokens"))
def test_token_files_are_read(name: str) -> None:
    assert parse(["fit", "--model.add_tokens", name]).fit.model.add_tokens == name
    assert read_tokens(name)


def read_study(path: Path) -> list[list[str]]:
    """The flags of a W&B sweep: for each parameter all its values."""
    study = yaml.safe_load(path.read_text())
    assert study["program"] == "train.py"
    assert study["command"] == ["${env}", "${interpreter}", "${program}", "fit", "${args}"]
    assert study["method"] == "grid"
    assert study["metric"]["name"] == "val/exact_match"
    flags = [
        [f"--{name}={value}" for value in (spec["values"] if "values" in spec else [spec["value"]])]
        for name, spec in study["parameters"].items()
    ]
    assert len(list(itertools.product(*flags))) <= 20
    return flags


@pytest.mark.parametrize("path", sorted((CONFIGS / "paper").glob("*.yaml")), ids=lambda p: p.stem)
def test_paper_sweeps_have_the_rows_they_state(path: Path) -> None:
    flags = read_study(path)
    for base in (flag for values in flags for flag in values if flag.startswith("--model.base=")):
        assert resolve_base(base.split("=")[1]).init == "pretrained"
    config = parse(["fit", *(values[-1] for values in flags)]).fit  # the other values are numbers, too
    for name, spec in yaml.safe_load(path.read_text())["parameters"].items():
        place = "model.optimizer.init_args.lr" if name == "model.optimizer.lr" else name
        assert config[place] == (spec["values"][-1] if "values" in spec else spec["value"])
    rows = config.data.batch_size * (config.trainer.accumulate_grad_batches or 1)
    epochs = config.trainer.max_epochs
    comment = path.read_text().partition("program:")[0]
    assert f"{rows} rows a step" in comment
    assert epochs == 50 or f"{epochs} epoch" in comment


def test_early_stopping_takes_two_flags() -> None:
    config = parse(["fit", "--trainer.callbacks+=EarlyStopping", "--trainer.callbacks.monitor=val/loss"]).fit
    names = [callback.class_path.split(".")[-1] for callback in config.trainer.callbacks]
    assert names.count("EarlyStopping") == 1
    assert "ExactMatch" in names  # the others stay


@pytest.mark.parametrize("form", list_configs("formats"))
def test_print_config_shows_a_swapped_format(form: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse(["fit", "--data.format", form, "--print_config"])
    printed = yaml.safe_load(capsys.readouterr().out)
    assert printed["data"]["format"] == form
    assert printed["model"]["optimizer"]["init_args"]["lr"] > 0


def test_unknown_flags_are_errors(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse(["fit", "--data.fromat", "arrow"])
    assert "fromat" in capsys.readouterr().err
