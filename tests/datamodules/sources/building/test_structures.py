from __future__ import annotations

import pytest
from rdkit import Chem

from datamodules.sources.building.structures import canonical, check_structure


def test_structures_are_canonical() -> None:
    structure = check_structure("OC(=O)[C@@H](N)C")
    assert structure.smiles == "C[C@H](N)C(=O)O"
    assert structure.inchikey == "QNAYBMKLOCPYGJ-REOHCLBHSA-N"
    assert structure.formula == "C3H7NO2"
    assert structure.reason == ""


@pytest.mark.parametrize(
    ("smiles", "expected"),
    [
        ("CO[P@](=O)(O)OCC", "CCOP(=O)(O)OC"),  # the next proton turns it
        ("CO[P@](=O)(C)OCC", "CCO[P@](C)(=O)OC"),
        ("N/C(=N\\C)c1ccccc1", "CN=C(N)c1ccccc1"),
        ("Cl.NC(=O)/N=C(\\N)CC", "CCC(N)=NC(N)=O.Cl"),
        ("[Na+].[O-]C(=O)/C=C/C", "C/C=C/C(=O)[O-].[Na+]"),
        ("C[C@H](O)/C=C/C.Cl", "C/C=C/[C@H](C)O.Cl"),
    ],
)
def test_structures_keep_only_stereo_that_the_inchikey_has(smiles: str, expected: str) -> None:
    structure = check_structure(smiles)
    assert structure.smiles == expected
    assert structure.inchikey == Chem.MolToInchiKey(Chem.MolFromSmiles(smiles))


@pytest.mark.parametrize(
    ("smiles", "reason"),
    [
        ("", "no structure that RDKit can read"),
        ("C(", "no structure that RDKit can read"),
        ("C(C)(C)(C)(C)C", "no structure that RDKit can read"),
        ("*C", "no atoms or a dummy atom"),
        ("C" * 1001, "SMILES longer than 1000 characters"),
    ],
)
def test_refused_structures_have_a_reason(smiles: str, reason: str) -> None:
    assert check_structure(smiles).reason == reason


def test_canonical_smiles_is_empty_for_no_molecule() -> None:
    assert canonical("OCC") == "CCO"
    assert canonical("") == canonical("C(") == ""
