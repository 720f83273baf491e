from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cli.settings.paths import is_name, move_path, move_tasks


@pytest.fixture
def origin(tmp_path: Path) -> Path:
    for name in ("base", "gpt2"):
        (tmp_path / name).mkdir()
    for name in ("a.csv", "a,b.yaml", "c: 1.yaml", "pubchem"):
        (tmp_path / name).touch()
    return tmp_path


@pytest.mark.parametrize(
    ("flag", "value", "moves"),
    [
        ("data.source", "a.csv", True),
        ("data.source", "./a.csv", True),
        ("data.source", "missing.csv", False),
        ("data.source", "pubchem", False),
        ("data.source", "hf://datasets/a/b/c.csv", False),
        ("data.source", "~/a.csv", False),
        ("data.source", None, False),
        ("data.source", "", False),
        ("model.base", "base", True),
        ("model.base", "gpt2", False),
        ("model.base", "owner/model", False),
        ("model.add_tokens", ["a.csv"], False),
        ("data.source", "x" * 5000, False),
    ],
)
def test_relative_path_moves_if_something_lies_there(
    origin: Path, flag: str, value: Any, moves: bool
) -> None:
    assert move_path(flag, value, origin) == (str(origin / value.removeprefix("./")) if moves else value)


def test_tasks_move_each_with_its_weight(origin: Path) -> None:
    comma, colon = str(origin / "a,b.yaml"), str(origin / "c: 1.yaml")
    assert move_tasks("./a,b.yaml", origin) == [comma]
    assert move_tasks("a,b.yaml:2,c: 1.yaml,smiles_to_iupac", origin) == {
        comma: 2.0,
        colon: 1.0,
        "smiles_to_iupac": 1.0,
    }
    assert move_tasks(["c: 1.yaml", "smiles_to_iupac"], origin) == [colon, "smiles_to_iupac"]
    assert move_tasks({"a,b.yaml": 3}, origin) == {comma: 3.0}
    for value in ("smiles_to_iupac,iupac_to_smiles:2", None, "missing.yaml"):
        assert move_tasks(value, origin) == value


def test_names_are_those_that_ship() -> None:
    assert is_name("data.format", "alpaca")
    assert not is_name("data.format", "mine.yaml")
    assert not is_name("data.cache_dir", "pubchem")


def test_globs_are_moved_as_the_files_that_they_name(tmp_path: Path) -> None:
    (tmp_path / "shards").mkdir()
    (tmp_path / "shards" / "a.parquet").touch()
    moved = str(tmp_path / "shards" / "*.parquet")
    assert move_path("data.source", "shards/*.parquet", tmp_path) == moved
    (tmp_path / "shards" / "x" / "y").mkdir(parents=True)
    (tmp_path / "shards" / "x" / "y" / "c.tsv").touch()
    assert move_path("data.source", "shards/**/*.tsv", tmp_path) == str(tmp_path / "shards" / "**" / "*.tsv")
    assert move_path("data.source", "shards/*.csv", tmp_path) == "shards/*.csv"
    assert move_path("data.source", "memory://shards/*.parquet", tmp_path) == "memory://shards/*.parquet"
