from __future__ import annotations

import pytest
from rdkit import Chem

from datamodules.making.draws import Draws
from datamodules.making.parents import BENZENE, CHAINS, CYCLOS, HETEROCYCLES
from datamodules.making.small_molecules import draw_name, write_name
from datamodules.notations.naming.prefixes import is_alphabetical
from datamodules.workers.opsin import read_names
from tests.helpers.fake_opsin import need_opsin

PYRIDINE, PYRROLE = HETEROCYCLES[0], HETEROCYCLES[6]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (write_name(CHAINS[0], [], "", [], {"chloro": [1, 1]}), "dichloromethane"),
        (write_name(CHAINS[1], [], "", [], {"bromo": [2]}), "bromoethane"),
        (write_name(CHAINS[1], [], "", [], {"bromo": [2], "chloro": [1]}), "1-bromo-2-chloroethane"),
        (write_name(CHAINS[1], [], "acid", [2], {"chloro": [1]}), "2-chloroacetic acid"),
        (write_name(CHAINS[3], [(1, 2, "en")], "one", [3], {}), "but-3-en-2-one"),
        (write_name(CHAINS[4], [], "amine", [4], {"methyl": [2, 2]}), "4,4-dimethylpentan-2-amine"),
        (
            write_name(BENZENE, [], "acid", [3], {"(trifluoromethyl)": [1, 5]}),
            "3,5-bis(trifluoromethyl)benzoic acid",
        ),
        (write_name(BENZENE, [], "", [], {"nitro": [4]}), "nitrobenzene"),
        (write_name(BENZENE, [], "", [], {"propan-2-yl": [2, 4]}), "1,3-di(propan-2-yl)benzene"),
        (write_name(CYCLOS[3], [(5, 6, "en")], "ol", [1], {"methyl": [2]}), "6-methylcyclohex-2-en-1-ol"),
        (write_name(CYCLOS[3], [(6, 1, "en")], "", [], {"chloro": [3]}), "4-chlorocyclohexene"),
        (write_name(PYRIDINE, [], "amine", [6], {"bromo": [3]}), "5-bromopyridin-2-amine"),
        (write_name(PYRROLE, [], "", [], {"methyl": [1]}), "1-methylpyrrole"),
        (write_name(PYRROLE, [], "", [], {"methyl": [5]}), "2-methyl-1H-pyrrole"),
    ],
)
def test_names_are_as_by_hand(name: str, expected: str) -> None:
    assert name == expected


def test_drawn_names_are_in_order_and_depend_on_the_draws_only() -> None:
    names = [draw_name(Draws(str(number))) for number in range(500)]
    assert names == [draw_name(Draws(str(number))) for number in range(500)]
    assert sum(name is None for name in names) < 100
    assert all(is_alphabetical(name) for name in names if name)


@need_opsin()
def test_every_drawn_name_is_read_as_one_molecule() -> None:
    draws = Draws("all")
    names = [name for name in (draw_name(draws) for _ in range(300)) if name]
    for name, reading in zip(names, read_names(names), strict=True):
        assert reading.smiles, (name, reading)
        assert reading.warning is None, (name, reading)
        assert Chem.MolFromSmiles(reading.smiles) is not None, name
