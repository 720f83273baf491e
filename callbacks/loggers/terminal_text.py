"""Other people's text, as a terminal may show it."""

from __future__ import annotations


def printable(text: str) -> str:
    """Return a text without the characters that steer a terminal."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)
