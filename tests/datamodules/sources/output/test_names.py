from __future__ import annotations

from pathlib import Path

import pytest

from datamodules.sources.output.names import (
    check_output,
    find_suffix,
    free_names,
    output_name,
    strip_gz,
    why_csv,
)
from tests.helpers.closed_folders import close


@pytest.mark.parametrize(
    ("source", "name"),
    [("a/mols.csv", "mols.csv"), ("mols.TSV.gz", "mols.TSV.gz"), ("mols.sdf", "mols.csv"), ("mols.parquet", "mols.parquet"),
     ("-", "-.csv"), ("words", "words.csv"), ("a.b.jsonl", "a.b.jsonl")],
)  # fmt: skip
def test_answers_have_the_format_of_the_file_where_it_can_be_written(source: str, name: str) -> None:
    assert output_name(source) == name


def test_other_format_is_explained() -> None:
    assert (
        why_csv("mols.smi") == "The answers are written as csv, since a .smi file holds no further columns."
    )
    assert why_csv("mols.csv") is None
    assert (find_suffix("x.csv.gz"), strip_gz(".csv.gz")) == (".csv.gz", ".csv")


def test_own_columns_are_never_lost() -> None:
    assert free_names(["line", "line_2"], ["line"]) == {"line": "line_2", "line_2": "line_2_2"}


def test_output_must_be_a_file_of_a_known_format_in_a_folder(tmp_path: Path) -> None:
    (tmp_path / "in.csv").touch()
    source = str(tmp_path / "in.csv")
    check_output(str(tmp_path / "out.jsonl"), source)
    for bad, told in (
        ("out.foo", "csv"), ("no/out.csv", "in a folder that exists"), ("in.csv", "which would be lost"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=told):
            check_output(str(tmp_path / bad), source)


def test_output_in_a_folder_of_somebody_else_is_told_before_the_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    close(tmp_path, monkeypatch)
    with pytest.raises(
        ValueError, match=r"--output .*: expected a file that can be written, but .* may not be written to"
    ):
        check_output(str(tmp_path / "out.csv"), "in.csv")
