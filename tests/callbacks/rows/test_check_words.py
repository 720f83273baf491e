from __future__ import annotations

import pytest

from callbacks.rows.check_words import CUT, RELATIONS, UNREAD, name_check, name_relation, name_unread


def test_the_closest_relation_that_holds_is_named() -> None:
    every = dict.fromkeys(RELATIONS, True)
    assert name_relation(every) == "the same molecule"
    assert name_relation({**every, "canonical": False}) == "a tautomer of it"
    assert name_relation(dict.fromkeys(RELATIONS, False)) == "another molecule"


@pytest.mark.parametrize(
    ("why", "said"),
    [
        ("unclosed ring", "not well-formed: unclosed ring"),
        (name_unread("valence"), f"{UNREAD}: valence"),
        (f"{CUT} at 8 tokens", "cut at 8 tokens"),
    ],
)
def test_only_the_notations_own_check_calls_an_answer_not_well_formed(why: str, said: str) -> None:
    assert name_check(False, "", why) == said


def test_an_answer_that_is_not_valid_needs_a_reason() -> None:
    with pytest.raises(AssertionError, match="has a reason"):
        name_check(False, "", None)
