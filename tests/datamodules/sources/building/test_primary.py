from __future__ import annotations

import pytest

from datamodules.sources.building.primary import conventional_words, distance, is_inverted, is_openeye, rank


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("2-azanyl-3-oxidanyl-propanoic acid", "2-amino-3-hydroxy-propanoic acid"),
        ("2,3-bis(oxidanyl)benzoic acid", "2,3-dihydroxybenzoic acid"),
        ("tetrakis(fluoranyl)ethene", "tetrafluoroethene"),
        ("heptakis(chloranyl)x", "heptachlorox"),
        ("methyl methanoate", "methyl formate"),
        ("(phenylmethyl) ethanoate", "(benzyl) acetate"),
        ("4-oxidanylidenepentanoic acid", "4-oxopentanoic acid"),
        ("trimethyl-lambda5-phosphane", "trimethyl-lambda5-phosphane"),
    ],
)
def test_openeye_words_map_to_conventional_ones(name: str, expected: str) -> None:
    assert conventional_words(name) == expected
    assert is_openeye(name)


@pytest.mark.parametrize(
    "name", ["acetic acid", "methanol", "trimethylazanium", "ethanethiol", "phenylmethoxybenzene"]
)
def test_conventional_names_are_not_taken_for_openeyes(name: str) -> None:
    assert not is_openeye(name)


def test_inverted_names_are_recognized() -> None:
    assert is_inverted("benzene, 1-chloro-")
    assert is_inverted("urea, nitrate")
    assert not is_inverted("N,N-dimethylaniline")


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
