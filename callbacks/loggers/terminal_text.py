"""Make untrusted text safe to print on a terminal."""

from __future__ import annotations


def printable(text: str) -> str:
    r"""Return a text with control characters replaced by `?`.

    Examples:
        >>> printable("ethanol\x1b[2Jgone")
        'ethanol?[2Jgone'
    """
    return "".join(letter if letter.isprintable() else "?" for letter in text)
