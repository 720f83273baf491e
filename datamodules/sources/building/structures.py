"""Bring a structure into the one form that the data set holds: canonical SMILES with only the stereo InChI sees."""

from __future__ import annotations

from typing import NamedTuple

from rdkit import Chem, rdBase
from rdkit.Chem.rdMolDescriptors import CalcMolFormula

LENGTH_LIMIT = 1000


class Structure(NamedTuple):
    """A checked structure, or the reason why there is none (then the other fields are empty)."""

    inchikey: str = ""
    smiles: str = ""
    formula: str = ""
    reason: str = ""


def canonical(smiles: str) -> str:
    """Return RDKit's canonical isomeric SMILES, `""` if it cannot read it."""
    with rdBase.BlockLogs():
        molecule = Chem.MolFromSmiles(smiles)
        return "" if molecule is None else Chem.MolToSmiles(molecule)


def drop_unseen_stereo(molecule: Chem.Mol, inchikey: str) -> Chem.Mol:
    """Return the molecule without the stereo marks that do not change its InChIKey.

    Coordinates give every acidic phosphate and every amidine a handedness that no name states and that the next
    proton undoes; a model could never guess it. Each mark is tried alone, atoms first, in their order.
    """
    for atom in molecule.GetAtoms():
        tag = atom.GetChiralTag()
        if tag != Chem.ChiralType.CHI_UNSPECIFIED:
            atom.SetChiralTag(Chem.ChiralType.CHI_UNSPECIFIED)
            if Chem.MolToInchiKey(molecule) != inchikey:
                atom.SetChiralTag(tag)
    for bond in molecule.GetBonds():
        stereo = bond.GetStereo()
        if bond.GetBondType() == Chem.BondType.DOUBLE and stereo != Chem.BondStereo.STEREONONE:
            ends = list(bond.GetStereoAtoms())
            bond.SetStereo(Chem.BondStereo.STEREONONE)
            if Chem.MolToInchiKey(molecule) != inchikey:
                bond.SetStereoAtoms(*ends)
                bond.SetStereo(stereo)
    # The SMILES of several components is written from the directions of the single bonds, which still show everything.
    for bond in molecule.GetBonds():
        bond.SetBondDir(Chem.BondDir.NONE)
    Chem.SetDoubleBondNeighborDirections(molecule)
    return molecule


def check_structure(smiles: str) -> Structure:
    """Return the structure of a SMILES in its one form.

    The SMILES is written and read until it no longer changes, since the first canonical SMILES of a few molecules
    reads back as another one.
    """
    with rdBase.BlockLogs():
        molecule = Chem.MolFromSmiles(smiles) if smiles else None
        if molecule is None:
            return Structure(reason="no structure that RDKit can read")
        if molecule.GetNumAtoms() == 0 or any(atom.GetAtomicNum() == 0 for atom in molecule.GetAtoms()):
            return Structure(reason="no atoms or a dummy atom")
        inchikey = Chem.MolToInchiKey(molecule)
        if not inchikey:
            return Structure(reason="no InChIKey")
        text = Chem.MolToSmiles(molecule)
        if any(mark in text for mark in "@/\\"):
            text = Chem.MolToSmiles(drop_unseen_stereo(molecule, inchikey))
        for _ in range(5):
            again = Chem.MolFromSmiles(text)
            if again is None or Chem.MolToInchiKey(again) != inchikey:
                return Structure(reason="another molecule after writing and reading its SMILES")
            previous, text = text, Chem.MolToSmiles(again)
            if text == previous:
                break
        else:
            return Structure(reason="no stable canonical SMILES")
        if len(text) > LENGTH_LIMIT:
            return Structure(reason=f"SMILES longer than {LENGTH_LIMIT} characters")
        return Structure(inchikey, text, CalcMolFormula(again))
