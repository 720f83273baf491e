from __future__ import annotations

from datamodules.making.draws import Draws
from datamodules.making.linked import draw_linked
from tests.helpers.fake_opsin import need_opsin
from tests.helpers.reading_names import share_read


def test_names_depend_on_the_draws_only() -> None:
    names = [draw_linked(Draws(str(number))) for number in range(500)]
    assert names == [draw_linked(Draws(str(number))) for number in range(500)]
    assert sum(name is None for name in names) < 100
    assert len(set(names)) > 350
    assert any("-N-" in name or name.startswith("N-") for name in names if name)


@need_opsin()
def test_nearly_every_drawn_name_is_read_as_one_molecule() -> None:
    """The recipe drops the others."""
    assert share_read(draw_linked, 400) >= 0.99
