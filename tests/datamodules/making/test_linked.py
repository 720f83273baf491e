from __future__ import annotations

from rdkit import Chem

from datamodules.making.draws import Draws
from datamodules.making.linked import draw_linked
from datamodules.workers.opsin import read_names
from tests.helpers.fake_opsin import need_opsin


def test_names_depend_on_the_draws_only() -> None:
    names = [draw_linked(Draws(str(number))) for number in range(500)]
    assert names == [draw_linked(Draws(str(number))) for number in range(500)]
    assert sum(name is None for name in names) < 100
    assert len(set(names)) > 350
    assert any("-N-" in name or name.startswith("N-") for name in names if name)


@need_opsin()
def test_nearly_every_drawn_name_is_read_as_one_molecule() -> None:
    """The recipe drops the others."""
    draws = Draws("all")
    names = [name for name in (draw_linked(draws) for _ in range(400)) if name]
    read = [
        one
        for one in read_names(names)
        if one.smiles and one.warning is None and Chem.MolFromSmiles(one.smiles)
    ]
    assert len(read) >= 0.99 * len(names)
