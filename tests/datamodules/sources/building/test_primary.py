from __future__ import annotations

from datamodules.notations.naming.styles import conventional_words
from datamodules.sources.building.primary import distance, rank


def test_distance_of_names_hardly_depends_on_the_order_of_substituents() -> None:
    anchor = conventional_words("5-methyl-2-oxidanyl-benzoic acid")
    names = ["2-hydroxy-5-methylbenzoic acid", "5-methylsalicylic acid", "m-cresotinic acid"]
    assert sorted(names, key=lambda name: distance(name, anchor)) == names
    assert distance("4-oxo-butanal", "4-oxobutanal") == 0
    assert distance("benzoicacid", "benzoic acid") > 0


def choose(anchor: str, names: list[tuple[str, int]]) -> str:
    keys = [
        rank(name, conventional_words(anchor), source, position)
        for position, (name, source) in enumerate(names)
    ]
    return min(keys)[-1]


def test_choose_prefers_conventional_names_and_earlier_packages() -> None:
    anchor = "2,3-bis(oxidanyl)benzoic acid"
    names = [
        (anchor, 0),
        ("benzoic acid, 2,3-dihydroxy-", 0),
        ("pyrocatechuic acid", 0),
        ("2,3-dihydroxybenzoic acid", 0),
    ]
    assert choose(anchor, names) == "2,3-dihydroxybenzoic acid"
    assert choose(anchor, names[:2]) == "benzoic acid, 2,3-dihydroxy-"
    assert choose(anchor, names[:1]) == anchor
    # A conventional name of a later package goes before OpenEye's of an earlier one, and not before a conventional one.
    assert choose(anchor, [(anchor, 0), ("o-pyrocatechuic acid", 1)]) == "o-pyrocatechuic acid"
    assert (
        choose(anchor, [("pyrocatechuic acid", 0), ("2,3-dihydroxybenzoic acid", 1)]) == "pyrocatechuic acid"
    )
