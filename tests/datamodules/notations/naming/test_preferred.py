from __future__ import annotations

import itertools

import pytest

from datamodules.notations.naming.preferred import choose_preferred, is_preferred, list_locants


@pytest.mark.parametrize(
    ("names", "preferred"),
    [
        (["2-methyl-4-chlorophenol", "4-chloro-2-methylphenol"], "4-chloro-2-methylphenol"),
        (["1,3,4-trimethylbenzene", "1,2,4-trimethylbenzene"], "1,2,4-trimethylbenzene"),
        # The first point of difference decides, not the sum.
        (["2,3,3,7,7-pentamethyloctane", "2,2,6,6,7-pentamethyloctane"], "2,2,6,6,7-pentamethyloctane"),
        # Equal sets: what is cited first is lower.
        (["2-bromo-1-chlorobenzene", "1-bromo-2-chlorobenzene"], "1-bromo-2-chlorobenzene"),
        # Order comes before locants.
        (["1-methyl-2-bromopropane", "2-bromo-4-methylpentane"], "2-bromo-4-methylpentane"),
    ],
)
def test_the_preferred_name_is_chosen_in_any_order(names: list[str], preferred: str) -> None:
    for order in itertools.permutations(names):
        assert choose_preferred(order) == preferred


def test_locants_in_brackets_do_not_count() -> None:
    assert list_locants("N-(4-chlorophenyl)-3a,7-dimethyl-1H-indol-2(3H)-one") == (3, 7, 1, 2)


def test_a_name_is_preferred_among_those_at_hand() -> None:
    assert is_preferred("1,2,4-trimethylbenzene", ["1,3,4-trimethylbenzene"])
    assert not is_preferred("1,3,4-trimethylbenzene", ["1,2,4-trimethylbenzene"])
    assert not is_preferred("2-methyl-4-chlorophenol", [])
