from __future__ import annotations

from pathlib import Path

import pytest
from rdkit import Chem

from datamodules.making.held_out import (
    BuiltInMolecules,
    are_for_training,
    find_held_out_parents,
    find_leaks,
    read_held_out,
)
from datamodules.notations.molecules.structure import Molecule
from datamodules.sources.shipped import PUBCHEM
from datamodules.splits import TRAIN, split_by_hash


def molecule(smiles: str) -> Molecule:
    return Molecule(Chem.MolFromSmiles(smiles))


def block(smiles: str) -> str:
    return molecule(smiles).inchikey.partition("-")[0]


def test_the_sides_are_those_of_the_default_split() -> None:
    blocks = [key[:14] for key in PUBCHEM.load().table["inchikey"].slice(0, 2000).to_pylist()]
    sides = split_by_hash(blocks, 0.05, 0.05, 0)
    assert are_for_training(blocks) == [bool(side == TRAIN) for side in sides]
    assert 0.85 < sum(are_for_training(blocks)) / len(blocks) < 0.95


def test_no_molecule_of_validation_or_test_passes() -> None:
    table = PUBCHEM.load().table.slice(0, 3000)
    held = [
        smiles
        for smiles, trained in zip(
            table["smiles"].to_pylist(),
            are_for_training([key[:14] for key in table["inchikey"].to_pylist()]),
            strict=True,
        )
        if not trained
    ][:100]
    assert len(held) == 100
    assert all(find_leaks([molecule(smiles) for smiles in held], frozenset()))


def first_with_side(candidates: list[str], trained: bool) -> str:
    return next(smiles for smiles in candidates if are_for_training([block(smiles)]) == [trained])


def test_a_stereoisomer_or_a_salt_of_a_held_out_molecule_leaks_by_connectivity_or_parent() -> None:
    acids = [f"{'C' * length}[C@H](N)C(=O)O" for length in range(1, 60)]
    held = first_with_side(acids, False)
    assert find_leaks([molecule(held.replace("@", "@@"))], frozenset()) == [True]
    # The salt's own identity may be for training; its parent is not.
    anion = held[:-1] + "[O-]"
    assert find_leaks([molecule(anion)], frozenset()) == [True]


def test_the_parents_of_held_out_salts_are_held_out_too() -> None:
    acids = [f"{'C' * length}C(=O)O" for length in range(1, 80)]
    salts = [f"{acid[:-1]}[O-].[Na+]" for acid in acids]
    pairs = [
        (acid, salt)
        for acid, salt in zip(acids, salts, strict=True)
        if are_for_training([block(acid), block(salt)]) == [True, False]
    ]
    acid, salt = pairs[0]
    held_out = find_held_out_parents([molecule(salt).inchikey], [molecule(salt).canonical])
    assert held_out == {block(acid)}
    assert find_leaks([molecule(acid)], held_out) == [True]
    assert find_leaks([molecule(acid)], frozenset()) == [False]


def test_molecules_of_a_table_of_ones_own_are_held_out_with_their_stereoisomers_and_salts(
    tmp_path: Path,
) -> None:
    acids = [f"{'C' * length}[C@H](N)C(=O)O" for length in range(1, 60)]
    mine = first_with_side(acids, True)
    table = tmp_path / "mine.csv"
    table.write_text(f"id,SMILES\n1,{mine}\n")
    held_out = read_held_out(table)
    salt = mine[:-1] + "[O-].[Na+]"
    asked = [molecule(text) for text in (mine, mine.replace("@", "@@"), salt, f"C{mine}")]
    assert find_leaks(asked[:3], held_out) == [True] * 3
    table.write_text(f"id,SMILES\n1,{salt}\n")
    assert find_leaks(asked[:3], read_held_out(table)) == [True] * 3
    built_in = PUBCHEM.load().table.slice(0, 200)
    both = BuiltInMolecules(built_in, table)
    assert both.held_out == BuiltInMolecules(built_in).held_out | read_held_out(table)
    assert BuiltInMolecules(built_in).describe_held_out() == {}
    before = both.describe_held_out()
    table.write_text("smiles\nCCO\n")
    assert both.describe_held_out().keys() == before.keys() == {"held_out"}
    assert both.describe_held_out() != before


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("name\nethanol\n", "Expected --held-out to be a table with a column smiles, but .* has name"),
        ("smiles\nCCO\nC(\n", r"line 3: expected a SMILES, to hold its molecule out, but got 'C\('"),
    ],
)
def test_a_table_that_cannot_be_held_out_is_refused(tmp_path: Path, content: str, message: str) -> None:
    table = tmp_path / "mine.csv"
    table.write_text(content)
    with pytest.raises(ValueError, match=message):
        read_held_out(table)
