from __future__ import annotations

from pathlib import Path

import pytest

from cli.argv import asks_flagship, base_of, base_rate, flag_value, flag_values, without_flag
from lightning_modules.decoder.bases import FINE_TUNING_RATE
from tests.helpers.parsing import parse
from tests.helpers.runs import write_tiny_base


def test_flag_value_is_the_last_that_was_given() -> None:
    words = ["fit", "--config", "a", "--config=b", "--config", "c", "--configs=no"]
    assert flag_values(words, "--config") == ["a", "b", "c"]
    assert flag_value(words, "--config") == "c"
    assert flag_value(words, "--name") is None
    assert flag_value(["fit", "--name"], "--name") is None


def test_flags_are_removed_with_their_values() -> None:
    words = ["fit", "--name", "a", "--names=no", "--name=b", "--seed", "--name", "--name"]
    assert without_flag(words, "--name") == ["fit", "--names=no", "--seed"]


def test_base_is_named_by_a_flag_or_by_the_last_file(tmp_path: Path) -> None:
    for name in ("gpt2", "opt-125m"):
        (tmp_path / f"{name}.yaml").write_text(f"model: {{base: {name}}}\n")
    (tmp_path / "quick.yaml").write_text("trainer: {max_epochs: 1}\n")
    files = [
        word
        for name in ("gpt2", "opt-125m", "quick")
        for word in ("--config", str(tmp_path / f"{name}.yaml"))
    ]
    assert base_of(["fit"]) == "bundled"
    assert base_of(["fit", *files]) == "opt-125m"
    assert base_of(["fit", "--model.base", "pythia-160m", *files]) == "pythia-160m"


@pytest.mark.parametrize(
    ("base", "rate"),
    [
        ("builtin", 2e-3),
        ("opt-125m", 1e-4),
        ("tinystories-33m", 3e-4),
        ("owner/pretrained", FINE_TUNING_RATE),
    ],
)
def test_learning_rate_is_that_of_the_base(base: str, rate: float) -> None:
    config = parse(["fit", "--model.base", base]).fit
    assert config.model.optimizer.init_args.lr == rate
    assert config.model.optimizer.init_args.weight_decay == 0.01  # the rest stays


def test_learning_rate_of_a_flag_or_file_wins_over_the_base(tmp_path: Path) -> None:
    flag = parse(["fit", "--model.optimizer.lr", "0.003", "--model.base", "opt-125m"]).fit
    assert flag.model.optimizer.init_args.lr == 0.003
    (tmp_path / "rate.yaml").write_text(
        "model: {optimizer: {class_path: torch.optim.AdamW, init_args: {lr: 0.002}}}\n"
    )
    file = parse(["fit", "--model.base", "opt-125m", "--config", str(tmp_path / "rate.yaml")]).fit
    assert file.model.optimizer.init_args.lr == 0.002


def test_learning_rate_of_random_weights_is_the_default(tmp_path: Path) -> None:
    base = write_tiny_base(tmp_path)
    assert base_rate(["fit", "--model.base", base]) is None
    assert parse(["fit", "--model.base", base]).fit.model.optimizer.init_args.lr == 2e-3


@pytest.mark.parametrize(
    ("words", "asked"),
    [
        (["predict", "--data.predict_path", "new.csv"], True),
        (["predict", "--data.task", "iupac_to_smiles"], True),
        (["predict", "--model.base", "gpt2"], False),
        (["predict", "--ckpt_path=last"], False),
        (["predict", "--config", "mine.yaml"], False),
        (["predict", "-c", "mine.yaml"], False),
        (["test"], True),
        (["validate"], False),
        (["--help"], False),
        ([], False),
    ],
)
def test_predict_asks_the_flagship_when_no_model_is_named(words: list[str], asked: bool) -> None:
    assert asks_flagship(words) is asked
