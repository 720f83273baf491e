from __future__ import annotations

import re

import pytest
from rdkit import Chem

from datamodules.notations import polymer

UNITS = [
    "*CC(*)c1ccccc1",
    "*CC(*)(C)C(=O)OC",
    "*OCCOC(=O)c1ccc(cc1)C(*)=O",
    "*C",
    "*N[C@@H](C)C(*)=O",
    "*/C=C/C*",
]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty"),
        ("*CC* name", "title after the SMILES"),
        ("*CC* |$star_e;;;star_e$|", "CXSMILES extension"),
        ("CC", "no attachment point (*)"),
        ("*CC(", "unbalanced parenthesis"),
        ("*C1CC*", "unclosed ring"),
        ("*C(C)(C)(C)C*", "valence"),
        ("*CC>>C*", "reaction, not a molecule"),
    ],
)
def test_invalid_reason(text: str, reason: str) -> None:
    assert polymer.invalid_reason(text) == reason
    assert not polymer.is_valid(text)
    with pytest.raises(ValueError, match=re.escape(reason)):
        polymer.normalize(text)


@pytest.mark.parametrize("unit", UNITS)
def test_any_spelling_becomes_rdkits_canonical_one(unit: str) -> None:
    mol = Chem.MolFromSmiles(unit)
    for seed in range(20):
        spelled = Chem.MolToRandomSmilesVect(mol, 1, randomSeed=seed + 1)[0]
        assert polymer.normalize(spelled) == Chem.CanonSmiles(unit)
        assert polymer.same(spelled, unit) == {"string": spelled == unit, "canonical": True}
        assert polymer.identity(spelled) == Chem.MolToSmiles(mol, isomericSmiles=False)


def test_numbers_of_attachment_points_are_cleared() -> None:
    assert polymer.normalize("[*:1]CC[*:2]") == polymer.normalize("[*]CC*") == "*CC*"


def test_same() -> None:
    assert polymer.same("*CCO*", "*COC*") == {"string": False, "canonical": False}
    assert polymer.same("CC", "CC") == {"string": True, "canonical": False}


def test_strip_title() -> None:
    assert polymer.strip_title("*CC* |$star_e;;;star_e$| PE") == "*CC*"
    with pytest.raises(ValueError, match="title after the SMILES that could be a part"):
        polymer.strip_title("*CC *")
