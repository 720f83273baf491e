from __future__ import annotations

from rdkit import Chem

from datamodules.sources import pubchem_small
from datamodules.sources.shipped import PUBCHEM


def test_rows_are_exactly_the_small_ones_of_pubchem_in_its_order() -> None:
    expected = [
        row["inchikey"]
        for row in PUBCHEM.load().table.select(["inchikey", "smiles", "iupac"]).to_pylist()
        if len(row["smiles"]) <= 15 and len(row["iupac"]) <= 40 and "." not in row["smiles"]
    ]
    rows = pubchem_small.load()
    assert rows.table["inchikey"].to_pylist() == expected
    assert (rows.file, rows.verified, rows.set_aside) == ("pubchem_small", True, [])
    assert rows.total == len(expected) > 5_000
    assert rows.lines.tolist() == list(range(1, len(expected) + 1))


def test_molecules_are_single_and_known_by_their_names() -> None:
    rows = {row["smiles"]: row for row in pubchem_small.load().table.to_pylist()}
    assert (rows["CCO"]["iupac"], rows["CCO"]["inchikey"]) == ("ethanol", "LFQSCWFLJHTTHZ-UHFFFAOYSA-N")
    assert rows["c1ccccc1"]["iupac"] == "benzene"
    for smiles in list(rows)[::100]:
        assert len(Chem.GetMolFrags(Chem.MolFromSmiles(smiles))) == 1
