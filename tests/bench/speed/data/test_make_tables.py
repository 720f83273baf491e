from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import pytest
from rdkit import Chem

from bench.speed.data import make_tables
from bench.speed.data.make_tables import SPELLINGS, derive, make_table


def read(path: Path) -> list[list[str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.reader(file))


def keys(rows: list[list[str]]) -> Counter[str]:
    return Counter(Chem.MolToInchiKey(Chem.MolFromSmiles(smiles)) for smiles, _ in rows)


def test_rows_of_a_made_table_differ_in_molecule_or_spelling(tmp_path: Path) -> None:
    header, *molecules = read(make_table("molecules", 450, tmp_path))
    assert header == ["smiles", "name"]
    assert len(molecules) == 450
    assert len(keys(molecules)) >= 0.99 * 450  # InChI sees some tautomers as one
    spellings = keys(read(make_table("spellings", 450, tmp_path))[1:])
    assert sum(spellings.values()) == 450
    assert len(spellings) == 450 / SPELLINGS


def test_made_tables_are_kept_and_reproducible(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = make_table("molecules", 40, tmp_path)
    first = path.read_bytes()
    other = make_table("molecules", 40, tmp_path / "other")
    assert other.read_bytes() == first
    monkeypatch.setattr(make_tables, "_make_pairs", lambda *_: pytest.fail("made a table that was there"))
    assert make_table("molecules", 40, tmp_path) == path


def test_groups_replace_a_hydrogen() -> None:
    assert {smiles for smiles, _, _ in derive([("C", "methane", 0)])} == {
        "C", "CF", "CCl", "CBr", "CC", "CN", "CO", "CCC", "COC", "CC#N", "CC(F)(F)F",
    }  # fmt: skip
    assert [smiles for smiles, _, _ in derive([("ClC(Cl)(Cl)Cl", "no hydrogen", 0)])] == ["ClC(Cl)(Cl)Cl"]


def test_making_more_rows_than_possible_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(make_tables, "LEAST_DERIVED", 100)  # of eleven at most
    with pytest.raises(ValueError, match=r"Expected --rows that can be made, but got 900: there are \d+ mol"):
        make_table("molecules", 900, tmp_path)
    assert list(tmp_path.iterdir()) == []
