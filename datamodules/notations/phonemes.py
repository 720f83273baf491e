"""ARPAbet phonemes as the CMU Pronouncing Dictionary writes them: `HH AH0 L OW1`.

IPA is the notation `ipa`. 39 phonemes; the 15 vowels may carry a stress digit: 0 none, 1 primary, 2 secondary.
"""

from __future__ import annotations

_VOWELS = "AA AE AH AO AW AY EH ER EY IH IY OW OY UH UW"
_CONSONANTS = "B CH D DH F G HH JH K L M N NG P R S SH T TH V W Y Z ZH"
_STRESSES = "012"
_SYMBOLS = frozenset(
    [*_CONSONANTS.split(), *(vowel + stress for vowel in _VOWELS.split() for stress in ("", *_STRESSES))]
)


def invalid_reason(text: str) -> str | None:
    """Say why `text` is not a row of known phonemes with single spaces between them, or return None.

    Examples:
        >>> invalid_reason("HH AH0 L OW1"), invalid_reason("HH  AH0"), invalid_reason("HH AH3")
        (None, 'whitespace', 'unknown phoneme')
    """
    if not text:
        return "empty"
    symbols = text.split(" ")
    if "" in symbols or any(character.isspace() and character != " " for character in text):
        return "whitespace"
    if _SYMBOLS.issuperset(symbols):
        return None
    return "unknown phoneme" if text.isascii() else "not ARPAbet (sounds in IPA are the notation ipa)"


def is_valid(text: str) -> bool:
    """Say whether `text` is a row of known phonemes with single spaces between them."""
    return invalid_reason(text) is None


def looks_like(text: str) -> bool:
    """Say whether a cell is evidence for a column of phonemes: it has a stress digit or three phonemes, unlike M and F."""
    return is_valid(text) and (any(mark in text for mark in _STRESSES) or text.count(" ") > 1)


def normalize(text: str) -> str:
    """Return `text`: a valid one has one spelling.

    Raises:
        ValueError: If `text` is not valid; the message is the reason.
    """
    reason = invalid_reason(text)
    if reason:
        raise ValueError(reason)
    return text


def drop_stress(text: str) -> str:
    """Remove the stress digits."""
    return "".join(character for character in text if character not in _STRESSES)


def split_phonemes(text: str, like: str | None = None) -> list[str]:
    """Return the phonemes of a pronunciation; spaces separate them, whatever it is to be split like."""
    return text.split()


def same(prediction: str, target: str) -> dict[str, bool]:
    """Compare two pronunciations: `string`; `without_stress`, the same phonemes whatever their stress digits.

    `without_stress` is False when either is invalid.

    Examples:
        >>> same("HH AH0 L OW1", "HH AH0 L OW0")
        {'string': False, 'without_stress': True}
    """
    valid = is_valid(prediction) and is_valid(target)
    return {
        "string": prediction == target,
        "without_stress": valid and drop_stress(prediction) == drop_stress(target),
    }
