# ruff: noqa: RUF001 - the alphabet has letters that look like others
from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datamodules.notations import ipa, phonemes


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty"),
        (" h", "whitespace"),
        ("h  ə", "whitespace"),
        ("h\tə", "whitespace"),
        ("HH AH0", "unknown sound"),
        ("h ə 1", "unknown sound"),
        ("ˈ", "unknown sound"),
        ("ж", "unknown sound"),
    ],
)
def test_invalid_reason(text: str, reason: str) -> None:
    assert ipa.invalid_reason(text) == reason
    with pytest.raises(ValueError, match=reason):
        ipa.normalize(text)


@pytest.mark.parametrize(
    ("text", "normal", "sounds"),
    [
        ("b uː k", "b uː k", ["b", "uː", "k"]),
        ("h ə l oʊ", "h ə l oʊ", ["h", "ə", "l", "oʊ"]),
        ("həˈloʊ", "həˈloʊ", ["h", "ə", "ˈ", "l", "o", "ʊ"]),
        ("ðə kæt", "ðə kæt", ["ð", "ə", "k", "æ", "t"]),
        ("t͡ʃiːz", "t͡ʃiːz", ["t͡ʃ", "iː", "z"]),
        ("/ɡo:/", "ɡoː", ["ɡ", "oː"]),
        ("[go]", "ɡo", ["ɡ", "o"]),
        ("pʰ a ˥ n̩", "pʰ a ˥ n̩", ["pʰ", "a", "˥", "n̩"]),
        ("ç ɑ̃", "ç ɑ̃", ["ç", "ɑ̃"]),
    ],
)
def test_normalize_and_split(text: str, normal: str, sounds: list[str]) -> None:
    for form in ("NFC", "NFD"):
        spelled = unicodedata.normalize(form, text)
        assert ipa.normalize(spelled) == unicodedata.normalize("NFC", normal)
        found = [unicodedata.normalize("NFC", sound) for sound in ipa.split_phonemes(spelled)]
        assert found == [unicodedata.normalize("NFC", sound) for sound in sounds]


def test_a_prediction_is_split_as_its_target() -> None:
    assert ipa.split_phonemes("h ə l oʊ", like="həˈloʊ") == ["h", "ə", "l", "o", "ʊ"]
    assert ipa.split_phonemes("həloʊ", like="h ə l oʊ") == ["həloʊ"]


def test_same() -> None:
    assert ipa.same("həˈloʊ", "həloʊ") == {"string": False, "without_stress": True}
    assert ipa.same("ˈ h ə", "h ə")["without_stress"]
    assert ipa.same("həloʊ", "həlo") == {"string": False, "without_stress": False}
    assert ipa.same("X", "X") == {"string": True, "without_stress": False}


def test_arpabet_says_where_ipa_belongs() -> None:
    assert phonemes.invalid_reason("b uː k") == "not ARPAbet (sounds in IPA are the notation ipa)"
    assert phonemes.invalid_reason("b u k") == "unknown phoneme"


@settings(max_examples=100, deadline=None, derandomize=True, database=None)
@given(st.one_of(st.text(max_size=20), st.text(ipa._LETTERS + "ˈː .", max_size=12)))
def test_any_text_is_judged(text: str) -> None:
    assert ipa.same(text, text) == {"string": True, "without_stress": ipa.is_valid(text)}
    if ipa.is_valid(text):
        assert ipa.normalize(ipa.normalize(text)) == ipa.normalize(text)
        assert ipa.split_phonemes(text)
