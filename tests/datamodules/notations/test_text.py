from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datamodules.notations import text as notation


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty"),
        (" \n", "whitespace"),
        ("a\x00b", "control character"),
        ("a\x1b[31m", "control character"),
        ("a\udc80", "not UTF-8"),
    ],
    ids=ascii,
)
def test_invalid_reason(text: str, reason: str) -> None:
    assert notation.invalid_reason(text) == reason
    assert not notation.is_valid(text)
    with pytest.raises(ValueError, match=f"^{reason}$"):
        notation.normalize(text)


def test_normalize() -> None:
    assert notation.normalize(" two\nlines\t\n") == "two\nlines"
    assert notation.normalize("e\u0301") == "\u00e9"
    assert notation.normalize("H\u2082O") == "H\u2082O"  # composed, not flattened


def test_same() -> None:
    assert notation.same("a", "a") == {"string": True}
    assert notation.same("a", "A") == {"string": False}


@settings(max_examples=60, deadline=None, derandomize=True, database=None)
@given(st.text(st.characters(codec=None), max_size=20))
def test_any_text_has_a_verdict(text: str) -> None:
    assert notation.same(text, text) == {"string": True}
    if notation.is_valid(text):
        normal = notation.normalize(text)
        assert notation.normalize(normal) == normal
        normal.encode()
