from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from datamodules.sources.rows import Rows
from datamodules.sources.tables.options import TableOptions
from datamodules.sources.tables.read import load


def read(folder: Path, content: bytes, name: str = "mols.smi", **options: bool) -> Rows:
    (folder / name).write_bytes(gzip.compress(content) if name.lower().endswith(".gz") else content)
    return load(folder / name, TableOptions(**options))


@pytest.mark.parametrize("name", ["mols.smi", "MOLS.SMI.GZ", "mols.smiles"])
@pytest.mark.parametrize("between", [b"\t", b" ", b"  "])
def test_smiles_and_titles_without_a_header(tmp_path: Path, name: str, between: bytes) -> None:
    content = b"\n".join(
        between.join(line) for line in [(b"CCO", b"m1"), (b"CCN", b"ethyl amine"), (b"C", b"")]
    )
    rows = read(tmp_path, content, name)
    assert rows.table.to_pydict() == {"smiles": ["CCO", "CCN", "C"], "title": ["m1", "ethyl amine", ""]}
    assert rows.lines.tolist() == [1, 2, 3]
    assert rows.notes == (
        "no header line, so its columns are called smiles, title; if line 1 holds names: --data.header true",
    )


@pytest.mark.parametrize(
    ("header", "names"), [(b"SMILES Name", ["SMILES", "Name"]), (b"smiles", ["smiles", "title"])]
)
def test_a_header_line_is_no_molecule(tmp_path: Path, header: bytes, names: list[str]) -> None:
    rows = read(tmp_path, header + b"\nCCO m1\n")
    assert rows.table.to_pydict() == {names[0]: ["CCO"], names[1]: ["m1"]}
    assert rows.lines.tolist() == [2]
    assert "line 1 is taken for the column names" in rows.notes[0]


def test_the_flag_decides(tmp_path: Path) -> None:
    assert read(tmp_path, b"smiles id\nCCO m1\n", header=False).table["smiles"].to_pylist() == [
        "smiles",
        "CCO",
    ]
    rows = read(tmp_path, b"CCO m1\nCCN m2\n", header=True)
    assert (rows.table.column_names, rows.notes) == (["CCO", "m1"], ())


def test_more_cells_behind_tabs_and_an_extension(tmp_path: Path) -> None:
    rows = read(tmp_path, b"C[C@H](F)Cl |&1:1|\tm1\t1.5\nCCO\tm2\n\nC\xc3\xa9\xff\tm3\n")
    assert rows.table.to_pydict() == {
        "smiles": ["C[C@H](F)Cl |&1:1|", "CCO"], "title": ["m1", "m2"], "column_3": ["1.5", ""],
    }  # fmt: skip
    assert [(item.line, item.reason) for item in rows.set_aside] == [(3, "empty row"), (4, "not UTF-8")]


def test_an_extension_behind_blanks_is_no_title(tmp_path: Path) -> None:
    rows = read(tmp_path, b"CCO |$_AV:1$| ethanol\nCCN amine\n")
    assert rows.table.to_pydict() == {"smiles": ["CCO |$_AV:1$|", "CCN"], "title": ["ethanol", "amine"]}
