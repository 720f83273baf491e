from __future__ import annotations

from datamodules.making.draws import Draws
from datamodules.making.hydrides import draw_hydride
from datamodules.notations.naming.prefixes import is_alphabetical
from tests.helpers.fake_opsin import need_opsin
from tests.helpers.reading_names import share_read


def test_names_are_in_order_and_depend_on_the_draws_only() -> None:
    names = [draw_hydride(Draws(str(number))) for number in range(500)]
    assert names == [draw_hydride(Draws(str(number))) for number in range(500)]
    assert sum(name is None for name in names) < 50
    assert len(set(names)) > 400
    # The parser of names does not know every row of words.
    assert sum(name is not None and not is_alphabetical(name) for name in names) < 10


@need_opsin()
def test_nearly_every_drawn_name_is_read_as_one_molecule() -> None:
    """The recipe drops the others."""
    assert share_read(draw_hydride, 400) >= 0.99
