from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cli.given import read_given

SUBCOMMANDS = ("fit", "test")


@pytest.mark.parametrize(
    ("words", "flag", "value"),
    [
        (["fit", "--name", "a", "--name=b"], "name", "b"),
        (["fit", "--name=1e-4"], "name", "1e-4"),
        (["fit", "--name", "--model.base", "x"], "name", None),
        (["fit", "--print_config", "--name", "x"], "name", "x"),
        (["fit", "--config", "name: 1e-4"], "name", "1e-4"),
        (["fit", "--config", "name: null"], "name", None),
        (["fit", "--name", "a", "--config", "name: null"], "name", None),
        (["fit", "--model.base", "x", "--model", '{"base": "y"}'], "model.base", "y"),
        (["fit", "--model", '{"base": "y"}', "--model.base", "x"], "model.base", "x"),
        (["fit", "--model", "no file"], "model.base", None),
        (["fit", "--trainer.callbacks+=base"], "trainer.callbacks", None),
        (["--config", "test: {name: a}", "fit"], "name", None),
        (["--config", "fit: {name: a}", "fit", "--config", "data: {}"], "name", "a"),
        (["--config", "fit", "fit", "--name", "a"], "name", "a"),
    ],
)
def test_later_words_and_files_win(words: list[str], flag: str, value: Any) -> None:
    assert read_given(words, SUBCOMMANDS).get(flag) == value


def test_files_are_listed_in_their_order(tmp_path: Path) -> None:
    for name, text in {
        "a.yaml": "config: b.yaml\n",
        "b.yaml": "name: b\n",
        "data.yaml": "val_rows: 1\n",
    }.items():
        (tmp_path / name).write_text(text)
    given = read_given(
        ["fit", "-c", str(tmp_path / "a.yaml"), "--data", str(tmp_path / "data.yaml")], SUBCOMMANDS
    )
    assert [file.name for file in given.files] == ["a.yaml", "b.yaml", "data.yaml"]
    assert (given.get("name"), given.get("data.val_rows")) == ("b", "1")


def test_file_that_names_itself_ends(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("config: a.yaml\nname: a\n")
    assert read_given(["fit", "-c", str(tmp_path / "a.yaml")], SUBCOMMANDS).get("name") == "a"


def test_file_that_is_no_yaml_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("a: [")
    with pytest.raises(ValueError, match=r"a\.yaml: expected a YAML file"):
        read_given(["fit", "-c", str(tmp_path / "a.yaml")], SUBCOMMANDS)


def test_variables_count_only_where_jsonargparse_reads_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PL_FIT__MODEL__BASE", "x")
    assert read_given(["fit"], SUBCOMMANDS).get("model.base") is None
    monkeypatch.setenv("JSONARGPARSE_DEFAULT_ENV", "true")
    assert read_given(["fit"], SUBCOMMANDS).get("model.base") == "x"
    assert read_given(["fit", "--model.base=y"], SUBCOMMANDS).get("model.base") == "y"
