from __future__ import annotations

import pytest
from rdkit import Chem

from datamodules.making.draws import Draws
from datamodules.making.hetero_rings import draw_ring, name_ring
from datamodules.workers.opsin import read_names
from tests.helpers.fake_opsin import need_opsin

SYMBOLS = {"oxa": "O", "thia": "S", "selena": "[Se]", "aza": "N", "phospha": "P", "arsa": "[AsH]", "sila": "[SiH2]",
           "bora": "B", "": "C"}  # fmt: skip


@pytest.mark.parametrize(
    ("atoms", "name"),
    [
        (["oxa", "", ""], "oxirane"),
        (["", "aza", ""], "aziridine"),
        (["oxa", "thia", "", "phospha", ""], "1,2,4-oxathiaphospholane"),
        (["oxa", "", "aza", "", ""], "1,3-oxazolidine"),
        (["", "aza", "aza", "", ""], "pyrazolidine"),
        (["aza", "aza", "", "aza", "", "", ""], "1,2,4-triazepane"),
        (["aza", "", "", "oxa", "", ""], "morpholine"),
        (["thia", "", "", "", "", ""], "thiane"),
        (["sila", "", "", "", ""], "silolane"),
        (["oxa", "bora", "oxa", "", ""], "1,3,2-dioxaborolane"),
        (["oxa", "", "aza", "", "", "aza", ""], "1,3,6-oxadiazepane"),
    ],
)
def test_rings_are_named_as_by_hand(atoms: list[str], name: str) -> None:
    assert name_ring(atoms).name == name


def test_a_symmetric_ring_has_more_than_one_numbering() -> None:
    assert len(name_ring(["oxa", "", "", "oxa", "", ""]).symmetries) == 4
    assert len(name_ring(["oxa", "", "", "", ""]).symmetries) == 2
    assert len(name_ring(["oxa", "", "aza", "", ""]).symmetries) == 1


@need_opsin()
def test_a_ring_is_read_as_its_atoms() -> None:
    draws = Draws("rings")
    rings = [
        [draws.choose(tuple(SYMBOLS)) for _ in range(size)] for size in (3, 4, 5, 6, 7) for _ in range(30)
    ]
    rings = [ring for ring in rings if any(ring)]
    for ring, reading in zip(rings, read_names([name_ring(ring).name for ring in rings]), strict=True):
        text = [SYMBOLS[atom] for atom in ring]
        smiles = f"{text[0]}1{''.join(text[1:-1])}{text[-1]}1"
        assert Chem.CanonSmiles(reading.smiles or "") == Chem.CanonSmiles(smiles), name_ring(ring).name
    assert draw_ring(Draws("a")) == draw_ring(Draws("a"))
