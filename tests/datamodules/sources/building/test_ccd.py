from __future__ import annotations

import numpy as np
import pytest
from rdkit import Chem
from rdkit.Chem import AllChem

from datamodules.sources.building.ccd import Atoms, Bonds, _blocks, _spellings, build_molecule

ORDERS = {Chem.BondType.SINGLE: "SING", Chem.BondType.DOUBLE: "DOUB", Chem.BondType.TRIPLE: "TRIP"}


def component(smiles: str) -> tuple[Atoms, Bonds]:
    """Return a molecule as the dictionary has it: atoms with hydrogens, Kekulé bonds and coordinates, no stereo."""
    molecule = Chem.AddHs(Chem.MolFromSmiles(smiles))
    assert AllChem.EmbedMolecule(molecule, randomSeed=1) == 0
    Chem.Kekulize(molecule, clearAromaticFlags=True)
    names = np.array([f"{atom.GetSymbol()}{atom.GetIdx()}" for atom in molecule.GetAtoms()])
    elements = np.array([atom.GetSymbol().upper() for atom in molecule.GetAtoms()])
    charges = np.array([atom.GetFormalCharge() for atom in molecule.GetAtoms()])
    coordinates = molecule.GetConformer().GetPositions()
    ends = np.array(
        [[names[bond.GetBeginAtomIdx()], names[bond.GetEndAtomIdx()]] for bond in molecule.GetBonds()]
    )
    orders = np.array([ORDERS[bond.GetBondType()] for bond in molecule.GetBonds()])
    return Atoms(names, elements, charges, coordinates, coordinates), Bonds(ends[:, 0], ends[:, 1], orders)


@pytest.mark.parametrize(
    "smiles",
    [
        "C[C@H](N)C(=O)O",
        "C[C@@H](N)C(=O)O",
        "C/C=C/C(=O)O",
        "C/C=C\\C(=O)O",
        "O=c1cc[nH]c(=O)[nH]1",
        "C[N+](C)(C)CC(=O)[O-]",
        "Clc1ccccc1Br",
        "C[S@](=O)CC",
        "N=C(N)c1ccccc1",
    ],
)
def test_ccd_stereo_comes_from_the_coordinates(smiles: str) -> None:
    atoms, bonds = component(smiles)
    assert Chem.CanonSmiles(build_molecule(atoms, bonds, atoms.ideal) or "") == Chem.CanonSmiles(smiles)


def test_mirrored_coordinates_are_the_other_enantiomer() -> None:
    atoms, bonds = component("C[C@H](N)C(=O)O")
    assert Chem.CanonSmiles(build_molecule(atoms, bonds, -atoms.ideal) or "") == Chem.CanonSmiles(
        "C[C@@H](N)C(=O)O"
    )


def test_deuterium_is_an_isotope_and_an_unknown_element_no_molecule() -> None:
    atoms, bonds = component("O")
    heavy = atoms._replace(elements=np.array(["O", "D", "D"]))
    assert Chem.CanonSmiles(build_molecule(heavy, bonds, atoms.ideal) or "") == "[2H]O[2H]"
    assert build_molecule(atoms._replace(elements=np.array(["X", "H", "H"])), bonds, atoms.ideal) is None


def test_component_with_too_many_bonds_is_no_molecule() -> None:
    atoms, bonds = component("C")
    assert build_molecule(atoms, bonds._replace(orders=np.array(["DOUB"] * 4)), atoms.ideal) is None


def test_name_over_two_lines_has_two_spellings() -> None:
    assert _spellings("BENZOIC ACID\n4-ETHYL ESTER") == [
        "BENZOIC ACID 4-ETHYL ESTER",
        "BENZOIC ACID4-ETHYL ESTER",
    ]
    assert _spellings("2-METHYL-\nPROPANE") == ["2-METHYL-PROPANE", "2-METHYL- PROPANE"]
    assert _spellings("ETHANE") == ["ETHANE"]


def test_blocks_are_the_rows_of_each_component() -> None:
    assert _blocks(np.array(["a", "a", "b"])) == {"a": slice(0, 2), "b": slice(2, 3)}
    with pytest.raises(AssertionError, match="not together"):
        _blocks(np.array(["a", "b", "a"]))
