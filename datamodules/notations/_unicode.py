"""One text in several Unicode forms: canonically equal texts are the same text."""

from __future__ import annotations

import unicodedata


def compose(text: str) -> str:
    """Return a text in Unicode's composed form (NFC), in which equal texts have equal characters."""
    return unicodedata.normalize("NFC", text)


def are_equal(text: str, other: str) -> bool:
    """Say whether two texts are canonically equal: composed letters are their decomposed ones."""
    return text == other or compose(text) == compose(other)
