"""Which molecules no made row may be of: those that validation and test hold out, by connectivity and by parent."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import cached_property
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
from rdkit import Chem, rdBase

from configs.lookup import find_name
from datamodules.notations.molecules.relations import compute_parent
from datamodules.notations.molecules.structure import Molecule, compute_identity, read
from datamodules.sources.lookup import load_source
from datamodules.sources.shipped import PUBCHEM
from datamodules.splits import TRAIN, split_by_hash
from datamodules.storage.cache_keys import hash_file

VAL_FRACTION, TEST_FRACTION, SPLIT_SEED = 0.05, 0.05, 0
"""The split of the data module's default flags."""


def are_for_training(identities: Sequence[str]) -> list[bool]:
    """Say for each identity (the first block of an InChIKey) whether the default split puts it on the training side.

    The side follows from the hash alone. So what passes is held out by no task of any source, also of a user's own.
    """
    return [
        bool(side == TRAIN) for side in split_by_hash(identities, VAL_FRACTION, TEST_FRACTION, SPLIT_SEED)
    ]


def find_held_out_parents(inchikeys: Sequence[str], smiles: Sequence[str]) -> frozenset[str]:
    """Return the parents (see `smiles.parent`) of the molecules that are not on the training side.

    Args:
        inchikeys: InChIKeys of molecules.
        smiles: Their canonical SMILES.
    """
    blocks = [key.partition("-")[0] for key in inchikeys]
    trained = are_for_training(blocks)
    parents = set()
    with rdBase.BlockLogs():
        for block, text, is_trained in zip(blocks, smiles, trained, strict=True):
            if is_trained:
                continue
            plain = "." not in text and "+" not in text and "-]" not in text
            parents.add(block if plain else compute_parent(Molecule(Chem.MolFromSmiles(text))))
    return frozenset(parents - {""})


def find_leaks(molecules: Sequence[Molecule], held_out: Collection[str]) -> list[bool]:
    """Say for each molecule whether it, or its parent, is held out.

    Args:
        molecules: Any molecules.
        held_out: The parents of held-out molecules.
    """
    identities = [compute_identity(molecule) for molecule in molecules]
    parents = [compute_parent(molecule) or own for molecule, own in zip(molecules, identities, strict=True)]
    sides = zip(are_for_training(identities), are_for_training(parents), strict=True)
    return [
        not (own and of_parent) or parent in held_out or identity in held_out
        for (own, of_parent), parent, identity in zip(sides, parents, identities, strict=True)
    ]


def read_held_out(path: Path) -> frozenset[str]:
    """Return the identities and the parents of all molecules in a table that has a column `smiles`.

    Raises:
        ValueError: If the table cannot be read, has no such column, or holds something else there.
    """
    rows = load_source(str(path))
    column = find_name("smiles", rows.table.column_names)
    if column is None:
        raise ValueError(
            f"Expected --held-out to be a table with a column smiles, but {path} has {', '.join(rows.table.column_names)}."
        )
    found = set()
    for line, text in zip(rows.lines.tolist(), rows.table[column].to_pylist(), strict=True):
        molecule = read(str(text or "").strip())
        if isinstance(molecule, str):
            raise ValueError(
                f"{path}, line {line}: expected a SMILES, to hold its molecule out, but got {str(text)[:60]!r} ({molecule}). "
                "Correct the row or take it out."
            )
        found |= {compute_identity(molecule), compute_parent(molecule)}
    return frozenset(found - {""})


class BuiltInMolecules:
    """The built-in molecules that a recipe starts from, and those that it may not make.

    Args:
        table: The molecules; default: all that ship.
        further: A table of further molecules that it may not make, such as a test set of one's own.
    """

    def __init__(self, table: pa.Table | None = None, further: Path | None = None) -> None:
        self._table, self._further = table, further

    def describe_held_out(self) -> dict[str, str]:
        """Return the hash of the further molecules' table; nothing without one."""
        return {} if self._further is None else {"held_out": hash_file(self._further)}

    @cached_property
    def table(self) -> pa.Table:
        """The molecules, training and held out."""
        return PUBCHEM.load().table if self._table is None else self._table

    @cached_property
    def training(self) -> pa.Table:
        """The molecules on the training side."""
        blocks = pc.utf8_slice_codeunits(self.table["inchikey"], 0, 14).to_pylist()
        return self.table.filter(pa.array(are_for_training(blocks), pa.bool_()))

    @cached_property
    def held_out(self) -> frozenset[str]:
        """The parents of the held-out molecules; of those in a further table their identities, too."""
        own = find_held_out_parents(self.table["inchikey"].to_pylist(), self.table["smiles"].to_pylist())
        return own if self._further is None else own | read_held_out(self._further)
