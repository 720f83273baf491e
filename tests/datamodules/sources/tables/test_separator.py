from __future__ import annotations

from pathlib import Path

import pytest

from datamodules.sources.rows import Rows
from datamodules.sources.tables.read import load
from datamodules.sources.tables.separator import ONE_COLUMN, find_separator


def read(folder: Path, content: str, name: str = "rows.csv") -> Rows:
    (folder / name).write_text(content, encoding="utf-8")
    return load(folder / name)


@pytest.mark.parametrize(
    ("text", "mark"),
    [
        ('"Smiles";"Assay, free text"\n"CCO";"flask, pH 7"\n"CCN";"flask, pH 8"\n', ";"),
        ("Smiles;Assay, free text\nCCO;flask, pH 7\n", ";"),
        ("smiles\tname\nCCO\ta,b\nCCN\tc;d\n", "\t"),
        ("smiles|name\nCCO|a,b\nCCN|c\n", "|"),
        ("x;y\n1,5;2,5\n3,5;4,5\n", ";"),
        ("1,5;2,5\n3,5;4,5\n", ";"),
        ("a;b,c\n1,2\n", ","),
        ("smiles,name\nCCO,a;b\nCCN,a;b;c\n", ","),
        ('a,b\n1,"x\ty"\n2,"x\ty"\n', ","),
        ("a,b\n1,2\n1,2,3\n4\n", ","),
        ("iupac\nethanol\n1,2-dichlorobenzene\n", ONE_COLUMN),
        ("1,2-dichlorobenzene\nethanol\nmethanol\npropanol\n", ONE_COLUMN),
        ("one; two, three | four\nfive\nsix\nseven, eight\n", ONE_COLUMN),
    ],
)
def test_the_cells_tell_what_separates_them(text: str, mark: str) -> None:
    assert find_separator(text.splitlines(keepends=True), ".csv").mark == mark


def test_endings_count() -> None:
    names = ["1,2-dichlorobenzene\n", "N,N-dimethylformamide\n", "ethanol\n", "N,N-dimethylaniline\n"]
    assert find_separator(names, ".txt").mark == ONE_COLUMN
    assert find_separator(["smiles,name\n", "CCO,ethanol\n"], ".txt").mark == ","
    assert find_separator(["name\n", "a,b\n"], ".tsv").mark == "\t"


def test_a_list_of_names_has_one_cell_a_line(tmp_path: Path) -> None:
    names = ["ethanol", "1,2-dichlorobenzene", "(2S)-2-aminopropanoic acid", "N,N-dimethylformamide"]
    for name in ("names.csv", "names.txt"):
        rows = read(tmp_path, "\n".join(["iupac", *names]), name)
        assert rows.table.to_pydict() == {"iupac": names}
        assert rows.set_aside == []
        assert rows.notes == ("one column, so each line is one cell and commas belong to it",)
    quoted = read(tmp_path, 'iupac\n"1,2-dichlorobenzene"\n')
    assert (quoted.table["iupac"].to_pylist(), quoted.notes) == (["1,2-dichlorobenzene"], ())


def test_a_blank_before_a_quote_belongs_to_no_cell(tmp_path: Path) -> None:
    rows = read(tmp_path, '"smiles", "name"\n"CC", "x, y"\n"CCC", "z"\n')
    assert rows.table.to_pydict() == {"smiles": ["CC", "CCC"], "name": ["x, y", "z"]}


def test_an_error_names_the_separator(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"it is broken: .* \(between cells: none, one cell a line\)"):
        read(tmp_path, '"a"b,c\n1,2\n')


def test_first_line_of_excel_tells_the_separator(tmp_path: Path) -> None:
    rows = read(tmp_path, "sep=;\nsmiles;name\nCCO;a, b\nCCN;c, d\n")
    assert rows.table.to_pylist() == [{"smiles": "CCO", "name": "a, b"}, {"smiles": "CCN", "name": "c, d"}]
    assert rows.lines.tolist() == [3, 4]


def test_list_of_names_without_a_header_is_one_column_however_short(tmp_path: Path) -> None:
    rows = read(tmp_path, "1,2-dichlorobenzene\n2,4-dinitrophenol\n")
    assert rows.table.column("column_1").to_pylist() == ["1,2-dichlorobenzene", "2,4-dinitrophenol"]
    assert "no header line" in " ".join(rows.notes)


def test_numbers_and_names_beside_each_other_stay_two_columns(tmp_path: Path) -> None:
    rows = read(tmp_path, "id,name\n1,2-methylpropane\n2,3-methylpentane\n")
    assert rows.table.column("name").to_pylist() == ["2-methylpropane", "3-methylpentane"]
