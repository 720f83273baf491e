from __future__ import annotations

from pathlib import Path

import pytest

from cli.checks.early_settings import gather
from cli.checks.flag_list import read_flags
from cli.checks.flag_words import split_words
from cli.exit_status import UsageError

LISTED = read_flags()


def settings(command: str, *args: str):
    return gather(command, split_words(args), LISTED)


def test_later_words_win_over_earlier_ones_and_over_files(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("data: {batch_size: 4, format: tags}\nname: from-a\n")
    found = settings("fit", "--data.batch_size", "2", "--config", str(tmp_path / "a.yaml"), "--name=mine")
    assert [found.values[name] for name in ("data.batch_size", "data.format", "name")] == [4, "tags", "mine"]
    assert found.values["data.eval_batch_size"] == 128  # of configs/default.yaml
    assert found.configured["name"] == "from-a"
    assert found.certain


def test_text_flags_keep_the_text_and_numbers_become_numbers() -> None:
    words = (
        "--name",
        "1e-4",
        "--data.input_column",
        "#name",
        "--data.val_fraction",
        "1e-1",
        "--data.packing",
        "True",
    )
    values = settings("fit", *words, "--model.optimizer.lr", "1e-4", "--data.header", "auto").values
    assert values["name"] == "1e-4"
    assert values["data.input_column"] == "#name"
    assert values["data.val_fraction"] == 0.1
    assert values["data.packing"] is True
    assert values["model.optimizer.lr"] == 1e-4
    assert values["data.header"] == "auto"


@pytest.mark.parametrize("words", [["--data.task+", "a"], ["--ckpt_path", "last"]])
def test_what_only_the_parser_understands_is_not_certain(words: list[str]) -> None:
    found = settings("fit", *words)
    assert not found.certain
    assert found.complete == (words[0] != "--ckpt_path")


def test_predict_without_a_model_has_the_shipped_ones_settings() -> None:
    values = settings("predict", "--data.predict_path", "x.csv").values
    assert values["data.task"] != settings("fit").values.get("data.task")


def test_folder_of_a_run_is_its_checkpoint_with_the_runs_settings(tmp_path: Path) -> None:
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "best.ckpt").touch()
    (tmp_path / "config.yaml").write_text("data: {source: words.csv, batch_size: 5}\n")
    found = settings("test", "--ckpt_path", str(tmp_path))
    assert found.values["ckpt_path"] == str(tmp_path / "checkpoints" / "best.ckpt")
    assert found.values["data.batch_size"] == 5
    assert "data.source" not in found.values  # relative to where the run began
    assert not found.certain


def test_group_can_be_json_or_a_file_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "data.yaml").write_text("batch_size: 5\n")
    assert settings("fit", "--data", "{batch_size: 4}").values["data.batch_size"] == 4
    assert settings("fit", "--data", str(tmp_path / "data.yaml")).values["data.batch_size"] == 5
    with pytest.raises(
        UsageError, match=r"--data: unknown key 'data.batchsize'. Did you mean data.batch_size?"
    ):
        settings("fit", "--data", "{batchsize: 4}")
    with pytest.raises(
        UsageError, match=r"Expected --data to be a YAML file, but there is no file nowhere.yaml"
    ):
        settings("fit", "--data", "nowhere.yaml")


def test_checkpoint_of_a_file_leaves_its_run_to_the_parser(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("ckpt_path: last\n")
    found = settings("test", "--config", str(tmp_path / "a.yaml"))
    assert (found.complete, found.certain) == (False, False)
