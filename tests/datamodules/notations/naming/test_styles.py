from __future__ import annotations

import pytest

from datamodules.notations.naming.styles import conventional_words, is_inverted, is_openeye


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
