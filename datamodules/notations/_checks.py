"""Checks of raw text that several notations share; they come before any parser sees the text."""

from __future__ import annotations

MAX_LENGTH = 1000
"""Longest accepted string, in characters. RDKit's canonical ranking is quadratic: 10,000 carbons take 13 s."""


def describe_bad_text(text: str, max_length: int = MAX_LENGTH) -> str | None:
    """Say why `text` cannot be one word of printable ASCII, or return None.

    Parsers are too kind here: RDKit takes an empty string for a molecule of no atoms, and everything after
    white space for its name.
    """
    if not text:
        return "empty"
    if len(text) > max_length:
        return f"longer than {max_length} characters"
    if text.isascii() and text.isprintable() and " " not in text:
        return None
    if any(character.isspace() for character in text):
        return "whitespace"
    return "not ASCII" if not text.isascii() else "control character"
