from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest

from datamodules.sources.rows import Rows
from datamodules.sources.tables.header import holds_names
from datamodules.sources.tables.options import TableOptions
from datamodules.sources.tables.read import load


def read(folder: Path, content: str, name: str = "rows.tsv", **options: bool) -> Rows:
    (folder / name).write_text(content, encoding="utf-8")
    return load(folder / name, TableOptions(**options))


@pytest.mark.parametrize(
    ("rows", "names"),
    [
        ([["CCO", "m1"], ["CCN", "m2"], ["c1ccccc1", "m3"]], False),
        ([["ethanol", "46.07"], ["benzene", "78.11"]], False),
        ([["CC>>CO"], ["CCN>>CN"]], False),
        ([["InChI=1S/CH4/h1H4"], ["InChI=1S/H2O/h1H2"]], False),
        ([["the film was good", "yes"], ["it was bad", "no"], ["I liked it", "yes"], ["never", "no"]], False),
        ([["compound", "mass"], ["ethanol", "46.07"]], True),
        ([["smiles", "2020"], ["CCO", "1"]], True),
        ([["mol", "2020"], ["CCO", "1"], ["CCN", "2"]], True),
        ([["C", "N"], ["carbon", "nitrogen"]], None),
        ([["hello", "olleh"], ["abc", "cba"]], None),
        ([["a", "b"]], True),
    ],
)
def test_the_cells_tell_names_from_data(rows: list[list[str]], names: bool | None) -> None:
    assert holds_names(rows[0], rows[1:]) is names


def test_no_row_is_lost_and_one_line_says_what_was_decided(tmp_path: Path) -> None:
    rows = read(tmp_path, "CCO\tm1\nCCN\tm2\nc1ccccc1\tm3\n")
    assert rows.table.to_pydict() == {"column_1": ["CCO", "CCN", "c1ccccc1"], "column_2": ["m1", "m2", "m3"]}
    assert rows.lines.tolist() == [1, 2, 3]
    assert rows.notes == (
        "no header line (line 1 is data, CCO, m1), so its columns are called column_1 to column_2; "
        "if line 1 holds names: --data.header true",
    )


def test_the_flag_decides(tmp_path: Path) -> None:
    assert read(tmp_path, "CCO\tm1\nCCN\tm2\n", header=True).table.to_pydict() == {
        "CCO": ["CCN"],
        "m1": ["m2"],
    }
    rows = read(tmp_path, "smiles\tname\nCCO\tethanol\n", header=False)
    assert (rows.table["column_1"].to_pylist(), rows.notes) == (["smiles", "CCO"], ())


def test_words_above_words_are_names_and_a_line_says_so(tmp_path: Path) -> None:
    rows = read(tmp_path, "hello\tolleh\nabc\tcba\n")
    assert rows.table.to_pydict() == {"hello": ["abc"], "olleh": ["cba"]}
    assert rows.notes == (
        "line 1 is taken for the column names (hello, olleh); if it is data: --data.header false",
    )
    assert read(tmp_path, "word\tback\nabc\tcba\n").notes == ()


def test_names_are_composed_and_those_that_lack_get_numbers(tmp_path: Path) -> None:
    rows = read(tmp_path, unicodedata.normalize("NFD", "größe\tname\t\n1\tx\ty\n"))
    assert rows.table.column_names == ["größe", "name", "column_3"]
    with pytest.raises(ValueError, match="these come twice"):
        read(tmp_path, "größe\t" + unicodedata.normalize("NFD", "größe") + "\n1\t2\n")


@pytest.mark.parametrize("header", [True, False, "auto"])
def test_a_header_alone(tmp_path: Path, header: bool) -> None:
    assert read(tmp_path, "smiles\tname\n", header=header).total == int(header is False)
