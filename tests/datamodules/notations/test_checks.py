from __future__ import annotations

import string

import pytest

from datamodules.notations._checks import MAX_LENGTH, describe_bad_text


@pytest.mark.parametrize("character", [chr(code) for code in range(128)])
def test_ascii_passes_if_it_is_printable_and_no_space(character: str) -> None:
    passes = character in string.ascii_letters + string.digits + string.punctuation
    assert (describe_bad_text(f"C{character}") is None) == passes


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty"),
        ("C C", "whitespace"),
        ("CC\n", "whitespace"),
        ("C\u00a0C", "whitespace"),  # a no-break space, as word processors write it
        ("C\u2212", "not ASCII"),  # a minus sign that is no hyphen
        ("C\u200b", "not ASCII"),  # a zero-width space is no white space to Python
        ("C\0", "control character"),
        ("C\x7f", "control character"),
    ],
)
def test_bad_text_is_described_by_what_is_wrong(text: str, reason: str) -> None:
    assert describe_bad_text(text) == reason


def test_length_limit_is_inclusive_and_can_be_set() -> None:
    assert describe_bad_text("C" * MAX_LENGTH) is None
    assert describe_bad_text("C" * (MAX_LENGTH + 1)) == "longer than 1000 characters"
    assert describe_bad_text("CCC", max_length=2) == "longer than 2 characters"
    assert (
        describe_bad_text(" " * (MAX_LENGTH + 1)) == "longer than 1000 characters"
    )  # before it is looked through
