"""Polymers: the repeat unit as SMILES, with `*` where it goes on: `*CC(*)c1ccccc1`.

Two spellings of one unit are the same; a unit that begins at another atom of the same chain (`*CCO*`, `*COC*`) is another
unit here. Reasons that `invalid_reason` gives: those of `smiles`, but for the wildcard atom, and: no attachment point (*).
"""

from __future__ import annotations

from rdkit import Chem, rdBase

from datamodules.notations.molecules import structure


def invalid_reason(text: str) -> str | None:
    """Say why `text` is not one repeat unit with at least one `*`, or return None."""
    unit = _read(text)
    return unit if isinstance(unit, str) else None


def is_valid(text: str) -> bool:
    """Say whether `text` is one repeat unit with at least one `*`."""
    return invalid_reason(text) is None


def looks_like(text: str) -> bool:
    """Say whether a cell is evidence for a column of polymers: it has an atom, unlike the mark ***."""
    return any(character.isalpha() for character in text) and is_valid(text)


def normalize(text: str) -> str:
    """Return RDKit's canonical isomeric SMILES; numbers of attachment points (`[*:1]`) are cleared as atom maps are.

    Raises:
        ValueError: If `text` is not valid; the message is the reason.
    """
    return _read_valid(text).canonical


def strip_title(text: str) -> str:
    """Return the SMILES without the title and the CXSMILES extension behind it, as `smiles.strip_title`.

    Raises:
        ValueError: If the extension changes the unit, or the title may be a part of it; the message is the reason.
    """
    return structure.strip_title(text, wildcards=True)


def same(prediction: str, target: str) -> dict[str, bool]:
    """Compare two units: `string`; `canonical`, the same canonical SMILES, False when either is invalid."""
    ours, theirs = _read(prediction), _read(target)
    valid = not isinstance(ours, str) and not isinstance(theirs, str)
    return {"string": prediction == target, "canonical": valid and ours.canonical == theirs.canonical}  # type: ignore[union-attr]


def identity(text: str) -> str:
    """Return what may not be on both sides of a split: the canonical SMILES without stereo and isotopes.

    Raises:
        ValueError: If `text` is not valid; the message is the reason.
    """
    with rdBase.BlockLogs():
        return Chem.MolToSmiles(_read_valid(text).mol, isomericSmiles=False)


def _read(text: str) -> structure.Molecule | str:
    """Parse a unit, or return the reason why it is none."""
    unit = structure.read(text, wildcards=True)
    if isinstance(unit, str):
        return unit
    if not any(atom.GetAtomicNum() == 0 for atom in unit.mol.GetAtoms()):
        return "no attachment point (*)"
    return unit


def _read_valid(text: str) -> structure.Molecule:
    unit = _read(text)
    if isinstance(unit, str):
        raise ValueError(unit)
    return unit
