"""Edits of a molecule: after each it is written and read again, so that nothing remains of what RDKit derived before.

RDKit derives hydrogens, aromaticity and stereo when it reads a molecule, and an edit leaves them as they were: without its
map numbers the middle of `[CH3:1][C@H:2]([CH3:3])[OH:4]` still has a hand, and a cation without its charge is still
aromatic. Reading the text anew is the one way that mends all of it, whatever the edit was.
"""

from __future__ import annotations

import re

from rdkit import Chem, rdBase
from rdkit.Chem.MolStandardize import rdMolStandardize

_MAP = re.compile(r"(\[[^\[\]:]*):\d{1,9}\]")


def clear_maps(smiles: str) -> str:
    """Return a SMILES without atom-map numbers, which are labels and no chemistry.

    Cleared in the text, before anything is derived: numbers make equal neighbours different, and hydrogens with a number
    stay atoms.

    Examples:
        >>> clear_maps("[CH3:1][C@H:2]([CH3:3])[OH:4]")
        '[CH3][C@H]([CH3])[OH]'
    """
    return _MAP.sub(r"\1]", smiles) if ":" in smiles else smiles


def read_again(mol: Chem.Mol) -> Chem.Mol | None:
    """Return an edited molecule with all that is derived computed anew, or None if the edit left no molecule."""
    with rdBase.BlockLogs():
        return Chem.MolFromSmiles(Chem.MolToSmiles(mol))


def write_again(smiles: str) -> str:
    """Return the canonical SMILES of what an edit wrote; the text itself if that is no molecule."""
    with rdBase.BlockLogs():
        mol = Chem.MolFromSmiles(smiles)
        return smiles if mol is None else Chem.MolToSmiles(mol)


def flatten(mol: Chem.Mol) -> str:
    """Return the canonical SMILES without stereo and isotopes.

    Hydrogens that RDKit keeps as atoms only because they carry stereo (`[H]/N=C(/C)N`) or an isotope go, too.
    """
    with rdBase.BlockLogs():
        plain = Chem.Mol(mol)
        Chem.RemoveStereochemistry(plain)
        for atom in plain.GetAtoms():
            atom.SetIsotope(0)
        return write_again(Chem.MolToSmiles(Chem.RemoveHs(plain, sanitize=False)))


def cut_scaffold(mol: Chem.Mol) -> str:
    """Return the Murcko scaffold as SMILES without stereo and isotopes; an empty string without rings.

    Cut from the flat molecule, read anew: an atom that was spelled in brackets would get no hydrogen for what is cut off.
    """
    with rdBase.BlockLogs():
        scaffold = Chem.MurckoDecompose(Chem.MolFromSmiles(flatten(mol)) or mol)
        scaffold.ClearComputedProps()
        scaffold.UpdatePropertyCache()
        return write_again(Chem.MolToSmiles(scaffold, isomericSmiles=False))


def find_parent(mol: Chem.Mol, organic: bool = False) -> Chem.Mol:
    """Return the largest component (with carbon, if organic), neutral where protons make it so.

    A component that is no molecule without its charge (cyclopentadienyl) keeps it.
    """
    with rdBase.BlockLogs():
        parts = [part for part in Chem.GetMolFrags(mol, asMols=True) if has_carbon(part) or not organic]
        parent = max(parts, key=lambda part: (part.GetNumHeavyAtoms(), flatten(part)))
        return read_again(rdMolStandardize.Uncharger().uncharge(parent)) or parent


def has_carbon(mol: Chem.Mol) -> bool:
    """Say whether there is a carbon atom."""
    return any(atom.GetAtomicNum() == 6 for atom in mol.GetAtoms())
