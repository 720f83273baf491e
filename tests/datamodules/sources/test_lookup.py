from __future__ import annotations

from pathlib import Path

import huggingface_hub
import pytest

from datamodules.sources.lookup import BUILT_IN, find_built_in, load_source, no_such_source


def test_built_in_names_are_modules_with_load() -> None:
    assert all(hasattr(find_built_in(name), "load") for name in BUILT_IN)
    assert load_source("dna_to_protein").table.column_names == ["dna", "protein"]
    assert load_source("pubchem").total > 100_000


def test_source_of_a_path_keeps_the_name_the_user_gave(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "my.csv").write_text("a,b\n1,2\n3\n")
    monkeypatch.chdir(tmp_path)
    rows = load_source("my.csv")
    assert (rows.file, rows.total, rows.table.num_rows) == ("my.csv", 2, 1)
    assert [(item.file, item.line) for item in rows.set_aside] == [("my.csv", 3)]
    monkeypatch.setenv("HOME", str(tmp_path))
    assert load_source("~/my.csv").total == 2


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        (
            "hf://datasets/owner/name/file.csv",
            {"repo_id": "owner/name", "filename": "file.csv", "revision": None},
        ),
        ("hf://datasets/o/n@v1/data/a.csv", {"repo_id": "o/n", "filename": "data/a.csv", "revision": "v1"}),
    ],
)
def test_source_on_the_hub_is_downloaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, address: str, expected: dict[str, str | None]
) -> None:
    asked = []

    def download(**arguments: str | None) -> str:
        asked.append(arguments)
        (tmp_path / "file.csv").write_text("a,b\n1,2\nbad\n")
        return str(tmp_path / "file.csv")

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", download)
    rows = load_source(address)
    assert asked == [{**expected, "repo_type": "dataset"}]
    assert (rows.file, rows.set_aside[0].file) == (address, address)
    assert rows.table.to_pylist() == [{"a": "1", "b": "2"}]


def test_failed_download_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    def download(**_: object) -> str:
        raise ConnectionError("no route")

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", download)
    with pytest.raises(
        ValueError,
        match=r"Could not download 'hf://datasets/o/n/a\.csv': ConnectionError: no route.*HF_TOKEN",
    ):
        load_source("hf://datasets/o/n/a.csv")


@pytest.mark.parametrize(
    "address", ["hf://datasets/name/file.csv", "hf://owner/name/file.csv", "hf://datasets/owner/name"]
)
def test_source_with_another_kind_of_address_is_an_error(address: str) -> None:
    with pytest.raises(ValueError, match=r"Expected hf://datasets/owner/name/file\.csv .* but got 'hf://"):
        load_source(address)


def test_unknown_source_lists_the_known_ones() -> None:
    with pytest.raises(
        ValueError,
        match=r"No source 'pubchm'.*cmudict, compound_questions, dna_to_protein, english, .*pubchem.*"
        r"\.parquet.*Did you mean 'pubchem'\?",
    ):
        load_source("pubchm")


def test_a_file_that_is_missing_is_told_as_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("new.csv", "news.png"):
        (tmp_path / name).touch()
    assert (
        str(no_such_source("nwe.csv"))
        == "No source 'nwe.csv': there is no such file. Did you mean 'new.csv'?"
    )
    assert str(no_such_source("data/other.tsv")) == "No source 'data/other.tsv': there is no such file."
