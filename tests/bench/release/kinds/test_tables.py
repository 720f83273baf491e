"""The made tables against what they say of themselves."""

from __future__ import annotations

from pathlib import Path

from rdkit import Chem
from rdkit.Chem.rdMolDescriptors import CalcMolFormula

from bench.release.kinds.tables import LABELS, OPTIONS, write_labels, write_options
from datamodules.sources.lookup import load_source
from datamodules.storage.safe_csv import read_csv


def test_molecules_have_the_labels_that_were_measured(tmp_path: Path) -> None:
    write_labels(tmp_path / "labels.csv")
    rows = read_csv(tmp_path / "labels.csv")
    molecules = {row["smiles"]: row for row in rows}
    assert len(molecules) == len(rows)
    assert {row[label] for row in rows for label in LABELS} == {"yes", "no", ""}
    assert all(any(row[label] for label in LABELS) for row in rows)
    assert molecules["CO"]["liquid"] == molecules["CO"]["dissolves"] == "yes"  # methanol
    assert molecules["c1ccc2cc3ccccc3cc2c1"]["dissolves"] == "no"  # anthracene
    assert sum(bool(row["crosses"]) for row in rows) == load_source("b3db").table.num_rows


def test_options_are_names_of_molecules_of_one_formula(tmp_path: Path) -> None:
    write_options(tmp_path / "options.csv", most=300)
    rows = read_csv(tmp_path / "options.csv")
    assert len(rows) > 280
    smiles = {row["iupac"]: row["smiles"] for row in load_source("pubchem").table.to_pylist()}
    places = set()
    for row in rows:
        names = row["options"].split("|")
        assert len(set(names)) == len(names) == OPTIONS
        assert smiles[row["name"]] == row["smiles"]
        assert len({CalcMolFormula(Chem.MolFromSmiles(smiles[name])) for name in names}) == 1
        places.add(names.index(row["name"]))
    assert places == set(range(OPTIONS))
    write_options(tmp_path / "again.csv", most=300)
    assert (tmp_path / "again.csv").read_bytes() == (tmp_path / "options.csv").read_bytes()
