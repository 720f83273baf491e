from __future__ import annotations

import pytest

from datamodules.making.draws import Draws
from datamodules.making.swap import Swapping, find_sites, swap


@pytest.mark.parametrize(
    ("name", "contents"),
    [
        ("2-(4-chlorophenyl)ethanol", ["4-chlorophenyl"]),
        ("N-[2-(dimethylamino)ethyl]-4-(trifluoromethyl)aniline", ["2-(dimethylamino)ethyl", "dimethylamino", "trifluoromethyl"]),
        ("(2R)-2-hydroxy-3-methylbutanal", []),  # a stereo descriptor
        ("3,4-dihydroquinolin-2(1H)-one", []),  # indicated hydrogen
        ("imidazo[1,2-a]pyridine", []),  # a fusion
        ("2-(methyl", []),
        ("4-(chloromethyl)", []),  # nothing to hang on
        ("(4-chlorophenyl)-phenylmethanone", ["4-chlorophenyl"]),
    ],
)  # fmt: skip
def test_sites_are_bracketed_substituents(name: str, contents: list[str]) -> None:
    assert [site.content for site in find_sites(name)] == contents


def test_a_substituent_takes_anothers_place_and_the_prefixes_stay_ordered() -> None:
    name = "5-bromo-2-(4-chlorophenyl)-1H-indole"
    [site] = find_sites(name)
    assert swap(name, site, "trifluoromethyl") == "5-bromo-2-(trifluoromethyl)-1H-indole"
    assert swap(name, site, "aminomethyl") == "2-(aminomethyl)-5-bromo-1H-indole"
    assert swap(name, site, "2-(dimethylamino)ethyl") == "5-bromo-2-[2-(dimethylamino)ethyl]-1H-indole"


def test_substituents_that_bind_twice_are_swapped_among_themselves() -> None:
    swapping = Swapping(["3-(phenylmethylidene)oxolan-2-one", "2-(4-chlorophenyl)ethanol", "butane"])
    assert len(swapping.names) == 2
    draws = Draws("swap")
    assert {swapping.draw(draws) for _ in range(50)} == {None}
    swapping = Swapping(["3-(phenylmethylidene)oxolan-2-one", "2-(butan-2-ylidene)cyclohexan-1-one"])
    made = {swapping.draw(draws) for _ in range(50)}
    assert made == {None, "3-(butan-2-ylidene)oxolan-2-one", "2-(phenylmethylidene)cyclohexan-1-one"}
