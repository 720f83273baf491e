from __future__ import annotations

import numpy as np
import pytest

from callbacks.rows.drawing import draw
from callbacks.rows.notation_calls import NotationCalls

CALLS = NotationCalls(workers=1)


def test_a_molecule_is_drawn_the_same_from_both_notations():
    smiles, selfies = (draw(CALLS, *one) for one in (("smiles", "OCC"), ("selfies", "[O][C][C]")))
    assert smiles is not None
    assert smiles.size == (260, 180)
    assert len(np.unique(np.asarray(smiles))) > 1
    assert np.array_equal(np.asarray(smiles), np.asarray(selfies))


@pytest.mark.parametrize(
    ("notation", "text"),
    [
        ("smiles", "C("),
        ("smiles", "C" * 201),
        ("smiles", ""),
        ("smiles", None),
        ("iupac", "ethane"),
        ("selfies", "C"),
    ],
)
def test_what_cannot_be_drawn_is_none(notation, text):
    assert draw(CALLS, notation, text) is None
