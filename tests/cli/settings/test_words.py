from __future__ import annotations

import os
from pathlib import Path

import pytest
import yaml

from cli.given import asks_flagship, read_given
from cli.settings import words as completing
from cli.settings.words import CANDIDATES, Words, base_of, bring_along, complete_words
from lightning_modules.decoder.bases import FINE_TUNING_RATE
from tests.helpers.parsing import parse
from tests.helpers.runs import write_tiny_base

SUBCOMMANDS = ("fit", "validate", "test", "predict", "show")
OPT = "model: {base: opt-125m}\n"


def complete(words: list[str], runs: Path = Path("runs")) -> Words:
    return complete_words(words, runs, SUBCOMMANDS)


def test_base_is_named_by_a_flag_or_by_the_last_file(tmp_path: Path) -> None:
    for name in ("gpt2", "opt-125m"):
        (tmp_path / f"{name}.yaml").write_text(f"model: {{base: {name}}}\n")
    (tmp_path / "quick.yaml").write_text("trainer: {max_epochs: 1}\n")
    files = [
        word
        for name in ("gpt2", "opt-125m", "quick")
        for word in ("--config", str(tmp_path / f"{name}.yaml"))
    ]
    assert base_of(read_given(["fit"], SUBCOMMANDS)) == "bundled"
    assert base_of(read_given(["fit", *files], SUBCOMMANDS)) == "opt-125m"
    for words in (["fit", *files, "--model.base", "gpt2"], ["fit", "--model.base", "gpt2", *files]):
        assert base_of(read_given(words, SUBCOMMANDS)) == parse(words).fit.model.base  # the later one wins


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
    assert bring_along(base, read_given(["fit", "--model.base", base], SUBCOMMANDS)) == []
    assert parse(["fit", "--model.base", base]).fit.model.optimizer.init_args.lr == 2e-3


@pytest.mark.parametrize(
    ("words", "asked"),
    [
        (["predict", "--data.predict_path", "new.csv"], True),
        (["predict", "--data.task", "iupac_to_smiles"], True),
        (["predict", "--model.base", "gpt2"], False),
        (["predict", "--ckpt_path=last"], False),
        (["predict", "--model", '{"base": "gpt2"}'], False),
        (["predict", "--model", '{"compile": true}'], True),
        (["predict", "--config", OPT], False),
        (["--config", f"predict: {{{OPT.strip()}}}", "predict"], False),
        (["--config", f"test: {{{OPT.strip()}}}", "predict"], True),
        (["predict", "-c", OPT], False),
        (["predict", "-c", "data: {source: mine.csv}"], True),
        (["predict", "--config", "ckpt_path: last"], False),
        (["test"], True),
        (["validate"], False),
        (["--help"], False),
        ([], False),
    ],
)
def test_predict_asks_the_flagship_when_no_model_is_named(words: list[str], asked: bool) -> None:
    assert asks_flagship(read_given(words, SUBCOMMANDS)) is asked


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with files that name a base, and a file that names such a file."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sub").mkdir()
    for name, text in {
        "model.yaml": "base: opt-125m\n",
        "sub/model.yaml": "base: opt-125m\n",
        "fit.yaml": f"fit: {{{OPT.strip()}}}\n",
        "flat.yaml": OPT,
        "beside.yaml": "model: sub/model.yaml\n",
        "sub/inner.yaml": "model: model.yaml\n",
        "sub/from_here.yaml": "model: sub/model.yaml\n",
        "outer.yaml": "config: sub/inner.yaml\n",
        "optimizer.yaml": "class_path: torch.optim.AdamW\ninit_args: {lr: 0.5}\n",
    }.items():
        (tmp_path / name).write_text(text)
    return tmp_path


OPT_WORDS = [
    ["fit", "--model.base", "opt-125m"],
    ["fit", "--model.base=opt-125m"],
    ["fit", "--model", "model.yaml"],
    ["fit", "--model", '{"base": "opt-125m"}'],
    ["fit", "--model=base: opt-125m"],
    ["--config", "fit.yaml", "fit"],
    ["-c", "fit.yaml", "fit"],
    ["fit", "--config", "flat.yaml"],
    ["fit", "-c=flat.yaml"],
    ["fit", "--config", OPT],
    ["fit", "--config", "beside.yaml"],
    ["fit", "--config", "sub/inner.yaml"],
    ["fit", "--config", "sub/from_here.yaml"],
    ["fit", "--config", "outer.yaml"],
]
"""One base, named in every way."""


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("words", OPT_WORDS)
def test_base_has_its_own_rate_however_it_is_named(words: list[str]) -> None:
    model = parse(words).fit.model
    assert (model.base, model.optimizer.init_args.lr) == ("opt-125m", 1e-4)


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    "rate",
    [
        ["--model.optimizer.lr=0.5"],
        ["--model.optimizer.init_args.lr", "0.5"],
        ["--model.optimizer", "optimizer.yaml"],
        ["--model.optimizer", '{"class_path": "torch.optim.AdamW", "init_args": {"lr": 0.5}}'],
        ["--model", '{"optimizer": {"class_path": "AdamW", "init_args": {"lr": 0.5}}}'],
        ["--config", "model: {optimizer: optimizer.yaml}"],
        ["--config", "model: {optimizer: {class_path: AdamW, init_args: {lr: 5e-1}}}"],
    ],
)
def test_given_rate_wins_over_the_base_wherever_both_stand(rate: list[str]) -> None:
    assert parse([*OPT_WORDS[0], *rate]).fit.model.optimizer.init_args.lr == 0.5
    for words in OPT_WORDS:
        given, more = (read_given(those, SUBCOMMANDS) for those in (words, [*words, *rate]))
        assert bring_along(base_of(given), given) == ["--model.optimizer.lr", "0.0001"]
        assert bring_along(base_of(more), more) == []


@pytest.mark.parametrize("base", ["{a: 1}", "[a]"])
def test_base_that_is_no_text_is_refused_by_the_parser(base: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse(["fit", "--config", f"model: {{base: {base}}}"])
    assert "model.base" in capsys.readouterr().err


@pytest.mark.usefixtures("folder")
def test_rate_of_a_file_before_the_subcommand_wins_over_the_base() -> None:
    before = "fit: {model: {optimizer: {class_path: AdamW, init_args: {lr: 0.5}}}}"
    words = ["--config", before, "fit", "--model.base", "opt-125m"]
    assert parse(words).fit.model.optimizer.init_args.lr == 0.5


@pytest.fixture
def run(folder: Path) -> Path:
    """A run that was trained with another format."""
    run = folder / "runs" / "mine"
    (run / "checkpoints").mkdir(parents=True)
    (run / "checkpoints" / "last.ckpt").touch()
    settings = {"name": "1e-4", "model": {"base": "builtin"}, "data": {"format": "tags", "val_rows": 7}}
    (run / "config.yaml").write_text(yaml.safe_dump(settings))
    return run


@pytest.mark.usefixtures("run")
@pytest.mark.parametrize(
    "words",
    [
        ["test", "--ckpt_path", "runs/mine/checkpoints/last.ckpt"],
        ["test", "--config", "ckpt_path: runs/mine/checkpoints/last.ckpt"],
        ["test", "--config", "ckpt_path: last"],
        ["--config", "test: {ckpt_path: last, name: mine}", "test"],
        ["test", "--ckpt_path=last", "--config", "name: mine"],
        ["test", "--ckpt_path=~/runs/mine/checkpoints/last.ckpt"],
        ["--config", "test: {data: {test_rows: 5}}", "test", "--ckpt_path", "last"],
    ],
)
def test_checkpoint_brings_its_runs_configuration_wherever_it_is_named(
    words: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", os.getcwd())
    config = parse(words).test
    assert (config.model.base, config.data.format, config.data.val_rows) == ("builtin", "tags", 7)
    assert config.name in ("1e-4", "mine")
    assert config.ckpt_path.endswith("runs/mine/checkpoints/last.ckpt")


@pytest.mark.usefixtures("run")
@pytest.mark.parametrize(
    "words",
    [
        ["test", "--ckpt_path=last", "--data.format=alpaca"],
        ["test", "--config", "data: {format: alpaca}", "--ckpt_path=last"],
        ["--config", "test: {data: {format: alpaca}}", "test", "--ckpt_path=last"],
    ],
)
def test_everything_given_overrides_the_runs_configuration(words: list[str]) -> None:
    config = parse(words).test
    assert (config.data.format, config.data.val_rows) == ("alpaca", 7)


def test_variable_overrides_the_runs_configuration(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JSONARGPARSE_DEFAULT_ENV", "true")
    monkeypatch.setenv("PL_TEST__CKPT_PATH", str(run / "checkpoints" / "last.ckpt"))
    monkeypatch.setenv("PL_TEST__DATA__FORMAT", "alpaca")
    config = parse(["test"]).test
    assert (config.data.format, config.data.val_rows) == ("alpaca", 7)


def test_run_written_by_an_older_version_keeps_its_name(run: Path) -> None:
    (run / "config.yaml").write_text("name: 1e-4\nwandb: {group: 1e5}\n")  # unquoted, as YAML 1.1 allows
    config = parse(["test", "--ckpt_path=last"]).test
    assert (config.name, config.wandb.group) == ("1e-4", "1e5")


def test_run_begins_again_only_if_a_checkpoint_was_asked_for(run: Path) -> None:
    (run / "checkpoints" / "last.ckpt").unlink()
    assert complete(["fit", "--ckpt_path=last"]).begins_again
    words = complete(["fit", "--config", "ckpt_path: last"])
    assert words.begins_again
    assert parse(["fit", "--config", "ckpt_path: last"]).fit.ckpt_path is None
    assert not complete(["fit", "--name=other"]).begins_again


def test_words_without_a_subcommand_stay() -> None:
    assert complete(["--version"]).completed == ["--version"]
    assert complete([]).given.subcommand is None


@pytest.mark.parametrize(
    ("words", "candidates"),
    [
        ([], CANDIDATES),
        (["--data.task", "iupac_to_smiles"], CANDIDATES),
        (["--model.generation.candidates", "1"], 1),
        (["--model.generation.strategy", "beam"], 1),
        (["--model", "{generation: {max_new_tokens: 9}}"], 1),
        (["--model.base", "gpt2"], 1),
    ],
)
def test_shipped_model_answers_with_what_opsin_reads_back(
    words: list[str], candidates: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(completing, "is_installed", lambda: True)
    assert parse(["predict", *words]).predict.model.generation.candidates == candidates
    monkeypatch.setattr(completing, "is_installed", lambda: False)
    assert parse(["predict", *words]).predict.model.generation.candidates == 1


def test_test_of_the_shipped_model_has_one_task_and_one_answer() -> None:
    asked, named = (parse(["test", *words]).test for words in ([], ["--data.task", "iupac_to_smiles"]))
    assert (asked.data.task, named.data.task) == ("smiles_to_iupac", "iupac_to_smiles")
    assert asked.model.generation.candidates == 1
    assert parse(["predict"]).predict.data.task == "smiles_to_iupac,iupac_to_smiles"
