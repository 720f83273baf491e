"""Build the molecules of the wwPDB Chemical Component Dictionary, which has names and coordinates but no SMILES."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from rdkit import Chem, rdBase
from rdkit.Chem import rdchem
from rdkit.Geometry import Point3D

from datamodules.sources.building.records import Record, _names

_ORDERS = {
    "SING": rdchem.BondType.SINGLE,
    "DOUB": rdchem.BondType.DOUBLE,
    "TRIP": rdchem.BondType.TRIPLE,
    "QUAD": rdchem.BondType.QUADRUPLE,
}

# A C=N-H has a drawn side in every set of coordinates and none in names.
_REMOVE = Chem.RemoveHsParameters()
_REMOVE.removeDefiningBondStereo = True  # type: ignore[assignment]


class Atoms(NamedTuple):
    """The atoms of one component: names, elements, charges, and two sets of coordinates (A, 3) in angstrom."""

    names: np.ndarray
    elements: np.ndarray
    charges: np.ndarray
    ideal: np.ndarray
    model: np.ndarray


class Bonds(NamedTuple):
    """The bonds of one component: the names of both atoms and the order (`SING`, `DOUB`, ...)."""

    first: np.ndarray
    second: np.ndarray
    orders: np.ndarray


def _column(category: Any, name: str) -> np.ndarray:
    """Return a column; a masked number is NaN."""
    column = category[name]
    values = column.as_array()
    if column.mask is not None and values.dtype.kind == "f":
        values = np.where(column.mask.array == 0, values, np.nan)
    return values


def _blocks(ids: np.ndarray) -> dict[str, slice]:
    """Return where each component's rows lie; the file keeps them together."""
    starts = np.flatnonzero(np.r_[True, ids[1:] != ids[:-1]])
    ends = np.r_[starts[1:], len(ids)]
    blocks = {str(ids[start]): slice(start, end) for start, end in zip(starts, ends, strict=True)}
    assert len(blocks) == len(starts), "a component's rows are not together"
    return blocks


def build_molecule(atoms: Atoms, bonds: Bonds, coordinates: np.ndarray) -> str | None:
    """Return the isomeric SMILES of a component with the stereo that its coordinates show.

    Args:
        atoms: Its atoms, hydrogens among them.
        bonds: Its bonds.
        coordinates: (A, 3) in angstrom.

    Returns:
        The SMILES, or None if RDKit cannot make sense of the atoms and bonds (metal complexes mostly).
    """
    try:
        molecule = _assemble(atoms, bonds, coordinates).GetMol()
        Chem.SanitizeMol(molecule)
        Chem.AssignStereochemistryFrom3D(molecule)
        return Chem.MolToSmiles(Chem.RemoveHs(molecule, _REMOVE))
    except (ValueError, RuntimeError):
        return None


def _assemble(atoms: Atoms, bonds: Bonds, coordinates: np.ndarray) -> Chem.RWMol:
    """Return the unsanitized molecule with one conformer; RuntimeError for an element that is none (`X`)."""
    editable = Chem.RWMol()
    conformer = Chem.Conformer(len(atoms.names))
    conformer.Set3D(True)
    for index, (element, charge) in enumerate(zip(atoms.elements, atoms.charges, strict=True)):
        deuterium = element == "D"
        atom = Chem.Atom("H" if deuterium else str(element).capitalize())
        atom.SetIsotope(2 if deuterium else 0)
        atom.SetFormalCharge(int(charge))
        editable.AddAtom(atom)
        conformer.SetAtomPosition(index, Point3D(*coordinates[index].tolist()))
    where = {str(name): index for index, name in enumerate(atoms.names)}
    for first, second, order in zip(bonds.first, bonds.second, bonds.orders, strict=True):
        editable.AddBond(where[str(first)], where[str(second)], _ORDERS[str(order)])
    editable.AddConformer(conformer)
    return editable


def _spellings(name: str) -> list[str]:
    """Return a name that was broken over lines with and without spaces there, the likelier first.

    A break after a letter mostly stands for the space in `... acid` or `... ester`, one after a hyphen for nothing.
    """
    if "\n" not in name:
        return [name]
    joined, spaced = name.replace("\n", ""), name.replace("\n", " ")
    return [spaced, joined] if re.search(r"[A-Za-z]\n", name) else [joined, spaced]


def read_ccd() -> Iterator[Record]:
    """Yield every component with names, once for its ideal and, where stereo differs, once for its model coordinates.

    The ideal coordinates come from a program and the model ones from a crystal; either may show the wrong
    stereo. The name decides later which one holds. A structure that cannot be built has SMILES "".
    """
    from biotite.structure.info import get_ccd

    block = get_ccd()
    atoms, bonds, components = block["chem_comp_atom"], block["chem_comp_bond"], block["chem_comp"]
    all_atoms = Atoms(
        _column(atoms, "atom_id"),
        _column(atoms, "type_symbol"),
        _column(atoms, "charge"),
        np.stack([_column(atoms, f"pdbx_model_Cartn_{axis}_ideal") for axis in "xyz"], axis=1),
        np.stack([_column(atoms, f"model_Cartn_{axis}") for axis in "xyz"], axis=1),
    )
    all_bonds = Bonds(_column(bonds, "atom_id_1"), _column(bonds, "atom_id_2"), _column(bonds, "value_order"))
    atom_blocks, bond_blocks = _blocks(_column(atoms, "comp_id")), _blocks(_column(bonds, "comp_id"))
    rows = zip(*(_column(components, name).tolist() for name in ("id", "name", "pdbx_synonyms")), strict=True)
    for identity, name, synonyms in rows:
        cells = [name, *synonyms.split(";")]
        spellings = [text.strip() for cell in cells for text in _spellings(cell)]
        names = _names([text for text in spellings if text != "?"])
        own_atoms = (
            Atoms(*(array[atom_blocks[identity]] for array in all_atoms)) if identity in atom_blocks else None
        )
        if own_atoms is None:
            yield Record("ccd", "", names)
            continue
        own_bonds = Bonds(*(array[bond_blocks.get(identity, slice(0, 0))] for array in all_bonds))
        with rdBase.BlockLogs():
            built = [
                build_molecule(own_atoms, own_bonds, coordinates)
                for coordinates in (own_atoms.ideal, own_atoms.model)
                if not np.isnan(coordinates).any()
            ]
        for smiles in dict.fromkeys(built) or [None]:
            yield Record("ccd", smiles or "", names)
