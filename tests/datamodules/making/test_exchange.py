from __future__ import annotations

import pytest

from datamodules.making.draws import Draws
from datamodules.making.exchange import CLASSES, Exchanging, exchange, find_words


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("4-chloro-2,6-dimethylphenol", ["chloro", "methyl"]),
        ("pentan-2-one", ["pent"]),
        ("N-butyl-hexanamide", ["butyl", "hexanamide"]),
        ("cyclopentanol", ["cyclopentan"]),
        ("1,2,3,4,5-pentafluorobenzene", []),  # pent is five here
        ("4-nitrosophenol", []),
        ("N-methylhydroxylamine", ["methyl"]),
        ("2-methyloxolane", ["methyl"]),
        ("3-[(2-phenylethyl)amino]furan", ["phenyl"]),  # amino joins
        ("methylidenecyclohexane", []),
        ("1-chlorobenzene", ["chloro"]),
        ("furan-2-carboxylic acid", ["carboxylic acid"]),
    ],
)
def test_words_of_a_class_are_found(name: str, words: list[str]) -> None:
    assert [word for _, _, word in find_words(name)] == words


def test_a_word_is_exchanged_within_its_class_and_prefixes_are_ordered() -> None:
    made = {exchange("4-chloro-2-methylphenol", Draws(f"seed {number}"), 1) for number in range(200)}
    assert "4-chloro-2-ethylphenol" in made
    assert "2-methyl-4-nitrophenol" in made  # m before n: the order changes
    assert "4-chloro-2-methylphenol" not in made
    chains = {exchange("pentan-2-one", Draws(f"seed {number}"), 1) for number in range(200)}
    assert chains == {f"{stem}an-2-one" for stem in CLASSES[13]} - {"pentan-2-one"}


def test_a_name_without_words_is_left_out() -> None:
    assert exchange("furan", Draws("a")) is None
    assert Exchanging(["furan", "2-methylfuran"]).names == ["2-methylfuran"]
