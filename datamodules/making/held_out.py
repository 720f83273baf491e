"""Which molecules no made row may be of: those that validation and test hold out, by connectivity and by parent."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import cached_property

import pyarrow as pa
import pyarrow.compute as pc
from rdkit import Chem, rdBase

from datamodules.notations.molecules.relations import compute_parent
from datamodules.notations.molecules.structure import Molecule, compute_identity
from datamodules.sources.shipped import PUBCHEM
from datamodules.splits import TRAIN, split_by_hash

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


class BuiltInMolecules:
    """The built-in molecules that a recipe starts from, and those that it may not make.

    Args:
        table: The molecules; default: all that ship.
    """

    def __init__(self, table: pa.Table | None = None) -> None:
        self._table = table

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
        """The parents of the held-out molecules."""
        return find_held_out_parents(self.table["inchikey"].to_pylist(), self.table["smiles"].to_pylist())
