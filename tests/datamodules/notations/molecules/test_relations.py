from __future__ import annotations

import random

import pytest
from rdkit import Chem
from rdkit.Chem import AllChem, Descriptors, rdMolDescriptors

from datamodules.notations import selfies, smiles
from datamodules.notations.molecules.relations import RELATIONS


@pytest.mark.parametrize(
    ("prediction", "target", "holding"),
    [
        ("OCC", "CCO", "canonical without_stereo tautomer skeleton formula"),
        ("C[C@H](N)C(=O)O", "C[C@@H](N)C(=O)O", "without_stereo skeleton formula"),
        ("CC=CC", "C/C=C/C", "without_stereo skeleton formula"),
        ("[2H]C([2H])([2H])O", "CO", "without_stereo skeleton formula"),  # nor isotopes
        (
            "[H]/N=C(/C)N",
            "CC(=N)N",
            "without_stereo tautomer skeleton formula",
        ),  # InChI leaves mobile =NH alone
        ("[H]/N=C(/C)CC", "CC(=N)CC", "without_stereo skeleton formula"),
        ("Oc1ccccn1", "O=c1cccc[nH]1", "tautomer skeleton formula"),
        ("CC(O)=CC", "CC(=O)CC", "skeleton formula"),  # InChI does not unite keto and enol
        ("CC(=O)O", "CC(=O)[O-].[Na+]", "skeleton"),
        ("CC(=O)[O-].[K+]", "CC(=O)[O-].[Na+]", "skeleton"),
        ("C[NH3+]", "CN", "skeleton"),
        ("CCN(CC)CC.Cl", "CCN(CC)CC", "skeleton"),
        ("CC=CC", "CCC=C", "formula"),  # a double bond that moved is another molecule
        ("COC", "CCO", "formula"),
        ("C1CCCCC1", "c1ccccc1", ""),
        ("[K+].[Cl-]", "[Na+].[Cl-]", ""),
        ("C(", "CCO", ""),
        ("", "CCO", ""),
    ],
)
def test_relations_that_hold_between_two_molecules(prediction, target, holding):
    found = smiles.relate(prediction, target)
    assert tuple(found) == RELATIONS
    assert {name for name, holds in found.items() if holds} == set(holding.split())


def test_relations_are_symmetric_and_nested(molecules):
    pairs = random.Random(0).sample([(a, b) for a in molecules for b in molecules], 400)
    for one, other in [*pairs, *((text, text) for text in molecules)]:
        found = smiles.relate(one, other)
        assert found == smiles.relate(other, one)
        assert found["canonical"] <= found["without_stereo"] <= found["skeleton"]
        assert found["tautomer"] <= found["skeleton"]
        assert found["canonical"] == (Chem.CanonSmiles(one) == Chem.CanonSmiles(other))


def test_describe_agrees_with_other_functions_of_rdkit(molecules):
    for text in molecules:
        mol = Chem.MolFromSmiles(text)
        facts = smiles.describe(text)
        assert facts["heavy_atoms"] == Descriptors.HeavyAtomCount(mol)
        assert facts["rings"] == rdMolDescriptors.CalcNumRings(mol)
        assert facts["components"] == text.count(".") + 1
        assert facts["charge"] == sum(atom.GetFormalCharge() for atom in mol.GetAtoms())
    assert smiles.describe("C[C@@H](N)/C=C/C(=O)[O-].[Na+]") == {
        "heavy_atoms": 9, "rings": 0, "stereo": 2, "charge": 0, "charged_atoms": 2, "components": 2, "rare_elements": 1,
    }  # fmt: skip
    with pytest.raises(ValueError, match="unbalanced parenthesis"):
        smiles.describe("C(")


def test_fingerprints_have_the_bits_of_rdkit(molecules):
    for text in molecules:
        expected = AllChem.GetMorganFingerprintAsBitVect(Chem.MolFromSmiles(text), 2, nBits=2048)
        bits = bytes.fromhex(smiles.fingerprint(text))
        assert len(bits) == 256
        on = {8 * place + bit for place, byte in enumerate(bits) for bit in range(8) if byte >> bit & 1}
        assert on == set(expected.GetOnBits())


def test_selfies_convert_to_canonical_smiles(molecules):
    for text in molecules:
        try:
            encoded = selfies.from_smiles(text)
        except ValueError:
            continue
        assert selfies.to_smiles(encoded) == Chem.CanonSmiles(text)
    with pytest.raises(ValueError, match="unknown symbol"):
        selfies.to_smiles("[Q]")
