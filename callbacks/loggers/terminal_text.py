"""Other people's text, as a terminal may show it."""

from __future__ import annotations


def printable(text: str) -> str:
    r"""Return a text without the characters that steer a terminal.

    Examples:
        >>> printable("ethanol\x1b[2Jgone")
        'ethanol?[2Jgone'
    """
    return "".join(letter if letter.isprintable() else "?" for letter in text)
