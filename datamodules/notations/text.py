"""Plain text: anything that can be written down."""

from __future__ import annotations

import unicodedata

from datamodules.notations._unicode import are_equal, compose


def invalid_reason(text: str) -> str | None:
    """Say why `text` is not usable text, or return None. Line breaks and tabs are fine."""
    if not text.strip():
        return "empty" if not text else "whitespace"
    if any(unicodedata.category(character) == "Cs" for character in text):
        return "not UTF-8"  # half of a surrogate pair: no file can hold it
    if any(unicodedata.category(character) == "Cc" and character not in "\n\r\t" for character in text):
        return "control character"
    return None


def is_valid(text: str) -> bool:
    """Say whether `text` is usable text."""
    return invalid_reason(text) is None


def normalize(text: str) -> str:
    r"""Return `text` in Unicode's composed form (NFC), without white space around it.

    Raises:
        ValueError: If `text` is not valid; the message is the reason.

    Examples:
        >>> normalize("  cafe\u0301\n"), invalid_reason("\t")
        ('café', 'whitespace')
    """
    reason = invalid_reason(text)
    if reason:
        raise ValueError(reason)
    return compose(text).strip()


def same(prediction: str, target: str) -> dict[str, bool]:
    """Compare two texts: `string`, the same characters, in whichever Unicode form."""
    return {"string": are_equal(prediction, target)}
