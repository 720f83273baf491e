from __future__ import annotations

from bench.release.identities import compare, count_leaks
from datamodules.notations.molecules.structure import compute_identity, read_once

# Two alanines, two tautomers, an acid and its anion, heavy methanol, ethanol.
SMILES = [
    "C[C@H](N)C(=O)O", "C[C@@H](N)C(=O)O", "Oc1ccccn1", "O=c1cccc[nH]1", "CC(=O)O", "CC(=O)[O-]", "[2H]C([2H])([2H])O", "CCO",
]  # fmt: skip


def test_same_smiles_without_stereo_have_one_identity_but_not_the_other_way_round() -> None:
    found = compare(SMILES, [compute_identity(read_once(text)) for text in SMILES])
    assert found["molecules"] == 8
    assert found["flats"] == 7
    assert found["blocks"] == 5
    assert found["flats_in_two"] == 0
    assert found["blocks_in_two"] == 2


def test_leaks_are_blocks_on_two_sides() -> None:
    many = {f"block {number}": {f"{number} a", f"{number} b"} for number in range(1000)}
    assert 100 < count_leaks(many) < 250
    assert count_leaks({"block": {"one"}}) == 0
