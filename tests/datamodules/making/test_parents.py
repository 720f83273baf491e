from __future__ import annotations

import pytest

from datamodules.making.parents import CHAINS, CYCLOS, HETEROCYCLES, Parent, chain, end, name_parent


def of(name: str) -> Parent:
    return next(parent for parent in (*CHAINS, *CYCLOS, *HETEROCYCLES) if parent.name == name)


def test_chains_have_the_hydrogens_of_alkanes() -> None:
    assert [sum(chain(length).free.values()) for length in (1, 2, 3, 6)] == [4, 6, 8, 14]


@pytest.mark.parametrize("parent", [*CHAINS, *CYCLOS, *HETEROCYCLES], ids=lambda parent: parent.name)
def test_symmetries_keep_places_nitrogens_and_hydrogens(parent: Parent) -> None:
    for way in parent.symmetries:
        assert sorted(way) == sorted(way.values()) == sorted(parent.free)
        assert {way[place] for place in parent.nitrogens} == set(parent.nitrogens)
        assert all(parent.free[way[place]] == hydrogens for place, hydrogens in parent.free.items())


@pytest.mark.parametrize(
    ("parent", "bonds", "suffix", "locants", "expected"),
    [
        ("propane", [], "ol", (2,), "propan-2-ol"),
        ("ethane", [], "ol", (1,), "ethanol"),
        ("ethane", [], "acid", (1,), "acetic acid"),
        ("butane", [], "acid", (1, 4), "butanedioic acid"),
        ("butane", [(1, "en"), (3, "en")], "", (), "buta-1,3-diene"),
        ("propane", [(2, "yn")], "ol", (1,), "prop-2-yn-1-ol"),
        ("ethane", [(1, "en")], "", (), "ethene"),
        ("cyclohexane", [], "acid", (1,), "cyclohexanecarboxylic acid"),
        ("cyclohexane", [(1, "en")], "", (), "cyclohexene"),
        ("cyclohexane", [(2, "en")], "one", (1,), "cyclohex-2-en-1-one"),
        ("pyridine", [], "amine", (3,), "pyridin-3-amine"),
        ("1H-indole", [], "acid", (2,), "1H-indole-2-carboxylic acid"),
        ("thiophene", [], "thiol", (2,), "thiophene-2-thiol"),
    ],
)
def test_parents_are_named_as_by_hand(
    parent: str, bonds: list[tuple[int, str]], suffix: str, locants: tuple[int, ...], expected: str
) -> None:
    assert name_parent(of(parent), bonds, suffix, locants, has_prefixes=False) == expected


def test_an_ending_takes_the_e_before_a_vowel() -> None:
    assert end("propane", "amine", (1,), True) == "propan-1-amine"
    assert end("propane", "nitrile", (1,), False) == "propanenitrile"
    assert end("propane", "", (), True) == "propane"
