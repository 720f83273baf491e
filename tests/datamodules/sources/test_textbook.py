from __future__ import annotations

import pyarrow.compute as pc
import pytest
from rdkit import Chem

from datamodules.notations.naming.styles import is_inverted, is_openeye
from datamodules.sources import textbook
from datamodules.sources.shipped import PUBCHEM
from datamodules.workers.opsin import run_batch


def test_there_are_200_molecules_that_the_built_in_data_have() -> None:
    rows = textbook.load()
    assert (rows.total, rows.verified, rows.file) == (200, True, "textbook")
    keys = rows.table["inchikey"].to_pylist()
    assert len(set(keys)) == 200
    known = PUBCHEM.load().table
    found = known.filter(pc.is_in(known["inchikey"], rows.table["inchikey"].combine_chunks())).to_pylist()
    ours = dict(zip(keys, rows.table["smiles"].to_pylist(), strict=True))
    assert {row["inchikey"] for row in found} == set(keys)
    others = {row["inchikey"] for row in found if row["smiles"] != ours[row["inchikey"]]}
    assert others == {"GFFGJBXGBJISGV-UHFFFAOYSA-N"}  # adenine, whose tautomers have one InChIKey


def test_structures_are_canonical_and_names_conventional() -> None:
    for row in textbook.load().table.to_pylist():
        mol = Chem.MolFromSmiles(row["smiles"])
        assert (Chem.MolToSmiles(mol), Chem.MolToInchiKey(mol)) == (row["smiles"], row["inchikey"])
        assert len(set(row["iupac"])) == len(row["iupac"]) > 0
        # OpenEye calls benzyl `phenylmethyl`; textbooks do, too.
        assert not any(
            is_inverted(name) or (is_openeye(name) and "phenylmethyl" not in name) for name in row["iupac"]
        )


@pytest.mark.slow
def test_opsin_reads_each_name_as_its_molecule() -> None:
    rows = textbook.load().table.to_pylist()
    names = [(name, row["inchikey"]) for row in rows for name in row["iupac"]]
    for (name, inchikey), (smiles, _) in zip(
        names, run_batch([name for name, _ in names], "smi"), strict=True
    ):
        assert Chem.MolToInchiKey(Chem.MolFromSmiles(smiles)) == inchikey, name
