"""Which molecules no made row may be of: those that validation and test hold out, by connectivity and by parent."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from rdkit import Chem, rdBase

from datamodules.notations.molecules.relations import compute_parent
from datamodules.notations.molecules.structure import Molecule, compute_identity
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
