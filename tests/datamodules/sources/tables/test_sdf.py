from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from rdkit import Chem

from datamodules.sources.rows import Rows
from datamodules.sources.tables.read import load


def record(smiles: str, title: str = "", /, **fields: str) -> str:
    mol = Chem.MolFromSmiles(smiles)
    mol.SetProp("_Name", title)
    data = "".join(f">  <{name}>\n{value}\n\n" for name, value in fields.items())
    return f"{Chem.MolToMolBlock(mol)}{data}$$$$\n"


def read(folder: Path, content: str, name: str = "mols.sdf") -> Rows:
    data = content.encode()
    (folder / name).write_bytes(gzip.compress(data) if name.lower().endswith(".gz") else data)
    return load(folder / name)


@pytest.mark.parametrize("name", ["mols.sdf", "MOLS.SDF.GZ"])
def test_structures_titles_and_fields_are_columns(tmp_path: Path, name: str) -> None:
    rows = read(
        tmp_path, record("OCC", "m1", logP="-0.3") + record("C[C@H](N)C(=O)O", "m2", note="a\nb"), name
    )
    assert rows.table.to_pydict() == {
        "smiles": ["CCO", "C[C@H](N)C(=O)O"], "title": ["m1", "m2"], "logP": ["-0.3", ""], "note": ["", "a\nb"],
    }  # fmt: skip
    assert rows.notes == (
        "structures are the column smiles, first lines the column title, and the fields are logP, note",
    )


def test_a_broken_record_costs_itself(tmp_path: Path) -> None:
    good, broken = record("CCO", "m1"), "m2\n\n\n  x  y\nM  END\n$$$$\n"
    rows = read(tmp_path, good + broken + good + "$$$$\n")
    assert rows.table["title"].to_pylist() == ["m1", "m1"]
    first = good.count("\n") + 1
    assert rows.lines.tolist() == [1, first + 6]
    assert [(item.line, item.reason) for item in rows.set_aside] == [
        (first, "structure that RDKit cannot read"),
        (first + 6 + good.count("\n"), "structure that RDKit cannot read"),
    ]


def test_the_last_mark_may_lack_and_line_ends_differ(tmp_path: Path) -> None:
    assert read(tmp_path, record("CCO").replace("$$$$\n", "").replace("\n", "\r\n")).total == 1


def test_a_field_called_smiles_does_not_hide_the_structure(tmp_path: Path) -> None:
    rows = read(tmp_path, record("OCC", smiles="other", name="n"))
    assert rows.table.to_pylist() == [{"smiles": "CCO", "title": "", "smiles_2": "other", "name": "n"}]


def test_a_mixture_of_enantiomers_is_not_one_of_them(tmp_path: Path) -> None:
    mol = Chem.MolFromSmiles("C[C@H](F)Cl |&1:1|")
    content = (
        Chem.MolToV3KMolBlock(mol)
        + "$$$$\n"
        + Chem.MolToV3KMolBlock(Chem.MolFromSmiles("C[C@H](F)Cl"))
        + "$$$$\n"
    )
    rows = read(tmp_path, content)
    assert rows.table["smiles"].to_pylist() == [Chem.CanonSmiles("C[C@H](F)Cl")]
    assert [item.reason for item in rows.set_aside] == [
        "racemic or relative stereo, which a SMILES cannot hold"
    ]


def test_no_record_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="expected records of an SD file"):
        read(tmp_path, "\n\n")


def test_of_a_cut_file_the_whole_records_are_kept(tmp_path: Path) -> None:
    content = "".join(record("C" * (number % 30 + 1), str(number), mass="1.5") for number in range(2_000))
    data = gzip.compress(content.encode())
    (tmp_path / "mols.sdf.gz").write_bytes(data[: len(data) // 2])
    rows = load(tmp_path / "mols.sdf.gz")
    assert rows.table.num_rows > 100
    assert rows.table["title"].to_pylist() == [str(number) for number in range(rows.table.num_rows)]
    assert set(rows.table["mass"].to_pylist()) == {"1.5"}
    assert [item.reason for item in rows.set_aside] == ["the gzip file is cut off here"]
