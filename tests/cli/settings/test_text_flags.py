from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal

import pytest

from callbacks.loggers.secrets import HIDDEN
from callbacks.loggers.wandb_logger import DashboardLogger
from cli.given import PATH_FLAGS
from cli.save_config import SaveRunConfig
from cli.settings.run_settings import read_run_settings
from cli.settings.text_flags import TextFlag, is_text, members
from configs.yaml_text import write_yaml
from datamodules.sequence_task import SequenceTaskDataModule
from lightning_modules.causal_lm import CausalLM
from tests.helpers.hostile_texts import HOSTILE
from tests.helpers.parsing import ParseOnly, parse

LISTS = ("data.task", "model.add_tokens", "model.trainable", "wandb.tags", "trainer.max_time")
"""Text flags that also take a list or a mapping."""


@pytest.fixture(scope="module")
def cli() -> ParseOnly:
    return ParseOnly(CausalLM, SequenceTaskDataModule, logger_class=DashboardLogger, args=["fit"])


def text_flags(cli: ParseOnly) -> dict[str, TextFlag]:
    """All text flags of `fit`."""
    return {action.dest: action for action in cli._parser("fit")._actions if isinstance(action, TextFlag)}


def test_text_flags_are_all_that_take_text_and_no_number_or_class(cli: ParseOnly) -> None:
    flags = set(text_flags(cli))
    assert {
        "name", "ckpt_path", "model.base", "model.attention", "model.add_tokens", "model.trainable", "data.task", "data.source",
        "data.format", "data.encoding", "data.split_column", "wandb.group", "wandb.tags", "trainer.max_time",
    } <= flags  # fmt: skip
    assert set(PATH_FLAGS) <= flags
    others = {action.dest for action in cli._parser("fit")._actions if hasattr(action, "_typehint")} - flags
    assert {
        "trainer.devices",
        "trainer.max_epochs",
        "data.header",
        "trainer.callbacks",
        "model.peft",
    } <= others


@pytest.mark.parametrize(
    "turn",
    [pytest.param(turn, marks=() if turn % 8 == 0 else pytest.mark.slow) for turn in range(len(HOSTILE))],
)
def test_text_of_a_flag_is_taken_saved_and_read_back_as_it_was_typed(
    cli: ParseOnly, turn: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts, words = {}, []
    for place, (flag, action) in enumerate(text_flags(cli).items()):  # another text for each flag
        texts[flag] = HOSTILE[(turn + place * 7) % len(HOSTILE)]
        only_list = str not in members(action._typehint)
        words.append(f"--{flag}{'+' if only_list else ''}={texts[flag]}")
    config = cli.parser.parse_args(["fit", *words]).fit
    for flag, text in texts.items():
        may_be_list = text in ("[x]", "{x}") and flag in LISTS
        if text and not may_be_list and (text != "~" or flag not in PATH_FLAGS):
            assert (config[flag][-1] if isinstance(config[flag], list) else config[flag]) == text, flag

    run = tmp_path / "runs" / "mine"
    run.mkdir(parents=True)
    settings = SaveRunConfig(cli._parser("fit"), config)._settings()
    (run / "config.yaml").write_text(write_yaml(settings), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    beneath = write_yaml({"fit": read_run_settings(run)})
    for again in (["--config", beneath, "fit"], ["fit", "--config", "runs/mine/config.yaml"]):
        found = cli.parser.parse_args(again).fit
        assert {flag: found[flag] for flag in texts} == {flag: config[flag] for flag in texts}
        assert SaveRunConfig(cli._parser("fit"), found)._settings() == settings


def test_hidden_secrets_do_not_break_reading_back(
    cli: ParseOnly, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_TOKEN", "s3cr3t-value")
    logger = {
        "class_path": "lightning.pytorch.loggers.CSVLogger",
        "init_args": {"save_dir": "x", "name": "s3cr3t-value"},
    }
    words = [f"--{flag}=s3cr3t-value 1e-4" for flag in text_flags(cli) if flag not in LISTS]
    config = cli.parser.parse_args(["fit", *words, f"--trainer.logger={json.dumps(logger)}"]).fit
    settings = SaveRunConfig(cli._parser("fit"), config)._settings()
    settings["trainer"]["logger"]["init_args"]["version"] = (
        HIDDEN  # as a setting with a secret's name would be
    )
    settings["trainer"]["logger"]["init_args"]["api_key"] = HIDDEN
    run = tmp_path / "runs" / "mine"
    run.mkdir(parents=True)
    (run / "config.yaml").write_text(write_yaml(settings), encoding="utf-8")
    again = cli.parser.parse_args(["--config", write_yaml({"fit": read_run_settings(run)}), "fit"]).fit
    assert again.data.output_column == f"{HIDDEN} 1e-4"
    assert "api_key" not in again.trainer.logger.init_args


@pytest.mark.parametrize(
    ("scalar", "text"),
    [("1e-4", "1e-4"), ("0x10", "0x10"), ("yes", "yes"), ("12:30", "12:30"), ("2026-01-01", "2026-01-01"), ("007", "007"),
     ("'null'", "null"), ("null", None), ("~", None), ("", None), ("'#x'", "#x")],
)  # fmt: skip
@pytest.mark.parametrize("flag", ["data", "config"])
def test_scalar_of_a_file_is_taken_as_it_is_written(
    cli: ParseOnly, tmp_path: Path, scalar: str, text: str | None, flag: str
) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(
        f"output_column: {scalar}\n" if flag == "data" else f"data: {{output_column: {scalar}}}\n"
    )
    assert cli.parser.parse_args(["fit", f"--{flag}", str(file)]).fit.data.output_column == text


@pytest.mark.parametrize("group", ["model", "data", "trainer", "wandb", "checkpoint"])
def test_group_without_lines_below_it_sets_nothing(tmp_path: Path, group: str) -> None:
    (tmp_path / "empty.yaml").write_text(f"{group}:\n")
    read = parse(["fit", "--config", str(tmp_path / "empty.yaml")]).fit
    plain = parse(["fit"]).fit
    assert read[group] == plain[group]


def test_items_of_lists_and_mappings_are_taken_as_they_are_written(cli: ParseOnly, tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("wandb: {tags: [1e-4, yes, 'a']}\ndata: {task: {1e-4: 2, b: 1}}\n")
    config = cli.parser.parse_args(["fit", "--config", str(tmp_path / "mine.yaml"), "--wandb.tags+=null"]).fit
    assert config.wandb.tags == ["1e-4", "yes", "a", "null"]
    assert config.data.task == {"1e-4": 2.0, "b": 1.0}
    words = ["fit", "--wandb.tags=[1e-4, null, '#x']", "--data.task", "{null: 2, yes: 1e-1}"]
    config = cli.parser.parse_args(words).fit
    assert (config.wandb.tags, config.data.task) == (["1e-4", "null", "#x"], {"null": 2.0, "yes": 0.1})


def test_json_takes_null_for_nothing_and_a_string_for_text(cli: ParseOnly) -> None:
    word = '{"output_column": "null", "input_column": null, "split_column": "1e-4"}'
    data = cli.parser.parse_args(["fit", "--data.input_column=a", "--data", word]).fit.data
    assert (data.output_column, data.input_column, data.split_column) == ("null", None, "1e-4")


def test_empty_word_is_nothing_where_a_flag_can_be_unset(cli: ParseOnly) -> None:
    config = cli.parser.parse_args(["fit", "--data.source=a.csv", "--data.source=", "--wandb.project="]).fit
    assert (config.data.source, config.wandb.project) == (None, "")


def test_variables_are_read_like_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JSONARGPARSE_DEFAULT_ENV", "true")
    for name, value in {"NAME": "null", "DATA__OUTPUT_COLUMN": "#x", "MODEL__BASE": "opt-125m"}.items():
        monkeypatch.setenv(f"PL_FIT__{name}", value)
    config = parse(["fit"]).fit
    assert (config.name, config.data.output_column, config.model.base) == ("null", "#x", "opt-125m")
    assert config.model.optimizer.init_args.lr == 1e-4


def test_text_of_a_class_is_taken_as_it_is_written(cli: ParseOnly) -> None:
    words = [
        "--trainer.callbacks+=ModelCheckpoint",
        "--trainer.callbacks.monitor=null",
        "--trainer.callbacks.filename=#x",
    ]
    arguments = cli.parser.parse_args(["fit", *words]).fit.trainer.callbacks[-1].init_args
    assert (arguments.monitor, arguments.filename) == ("null", "#x")


def test_home_is_found_in_every_path(cli: ParseOnly, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/someone")
    words = [f"--{flag}=~/x.yaml" for flag in PATH_FLAGS]
    callback = ["--trainer.callbacks+=ModelCheckpoint", "--trainer.callbacks.dirpath=~/x"]
    config = cli.parser.parse_args(["fit", *words, *callback, "--name=~/x", "--data.output_column=~/x"]).fit
    assert {config[flag] for flag in PATH_FLAGS} == {"/home/someone/x.yaml"}
    assert config.trainer.callbacks[-1].init_args.dirpath == "/home/someone/x"
    assert (config.name, config.data.output_column) == ("~/x", "~/x")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--config", "number.yaml"], "expected text, but YAML reads it as 2024: write it in quotes"),
        (["--data", '{"output_column": "a\\u0000b"}'], "expected text in UTF-8 without NUL"),
        (["--data.output_column=a\udcffb"], "expected text in UTF-8 without NUL"),
    ],
)
def test_what_no_text_can_be_is_refused_in_a_line(
    words: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("number.yaml").write_text(
        "trainer: {callbacks: [{class_path: ModelCheckpoint, init_args: {monitor: 2024}}]}\n"
    )
    with pytest.raises(SystemExit) as ended:
        parse(["fit", *words])
    assert ended.value.code == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("annotation", "text"),
    [(str, True), (str | None, True), (str | Path | None, True), (list[str] | None, True), (Sequence[str], True),
     (str | list[str] | dict[str, float] | None, True), (str | timedelta | dict[str, int] | None, True),
     (int, False), (str | int, False), (bool | None, False), (Literal["a"], False), (list[int], False), (Path | None, False),
     (str | dict, False), (Any, False), (dict[str, str], False)],
)  # fmt: skip
def test_is_text_goes_by_the_type(annotation: Any, text: bool) -> None:
    assert is_text(annotation) is text
