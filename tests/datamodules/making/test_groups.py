from __future__ import annotations

import pytest

from datamodules.making.draws import Draws
from datamodules.making.groups import RANKS, bracket, cite, cite_with_locants, draw_group, needs_brackets


@pytest.mark.parametrize(
    ("groups", "head", "expected"),  # as PubChem writes them
    [
        (["ethylsulfanyl", "methyl", "methyl"], "phosphane", "ethylsulfanyl(dimethyl)phosphane"),
        (["iodo", "ethyl"], "phosphane", "ethyl(iodo)phosphane"),
        (["methyl", "hydroperoxymethyl"], "silane", "hydroperoxymethyl(methyl)silane"),
        (["2-hydroxyethoxy", "methyl"], "boron", "2-hydroxyethoxy(methyl)boron"),
        (["fluoromethyl", "fluoromethyl"], "diazene", "bis(fluoromethyl)diazene"),
        (["hydroxy(methyl)silyl"], "phosphane", "(hydroxy(methyl)silyl)phosphane"),
        (["prop-2-enyl"], "oxy", "prop-2-enoxy"),
        (["propan-2-yl"], "oxy", "propan-2-yloxy"),
        (["cyclopropyl"], "oxy", "cyclopropyloxy"),
        (["2-chloroethyl"], "oxy", "2-chloroethoxy"),
        (["amino"], "oxy", "aminooxy"),
    ],
)
def test_rows_without_locants_are_as_by_hand(groups: list[str], head: str, expected: str) -> None:
    assert cite(groups, head) == expected


@pytest.mark.parametrize(
    ("group", "expected"),
    [
        ("methylsulfanyloxy", "methylsulfanyloxy"),
        ("ethyldisulfanyl", "(ethyldisulfanyl)"),
        ("propylamino", "(propylamino)"),
        ("methylsulfanylmethyl", "(methylsulfanylmethyl)"),
        ("propan-2-yl", "propan-2-yl"),
        ("amino", "amino"),
        ("2-bromoethyl", "(2-bromoethyl)"),
    ],
)
def test_brackets_behind_a_locant_are_as_by_hand(group: str, expected: str) -> None:
    assert bracket(group) == expected
    assert needs_brackets(group) == expected.startswith("(")


def test_locants_stand_before_their_group() -> None:
    found = {"methyl": ["1"], "propoxymethyl": ["1"]}
    assert cite_with_locants(found, "hydrazine") == "1-methyl-1-(propoxymethyl)hydrazine"


def test_a_group_holds_nothing_more_senior_than_its_limit() -> None:
    draws = Draws("limits")
    plain = [draw_group(draws, 0) for _ in range(2000)]
    for word in ("phosphanyl", "silyl", "boranyl", "hydrazinyl", "diazenyl"):
        assert not any(word in group for group in plain), word
    assert not any(group in ("amino", "hydroxy", "sulfanyl") for group in plain)
    senior = [draw_group(draws, RANKS["acid"]) for _ in range(2000)]
    assert all(
        any(word in group for group in senior) for word in ("phosphanyl", "silyl", "boranyl", "hydrazinyl")
    )
    assert {"amino", "hydroxy", "sulfanyl"} <= set(senior)
