"""Checks of raw text that several notations share; they come before any parser sees the text."""

from __future__ import annotations

import re
from typing import NamedTuple

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


_PARTS = re.compile(r"(\S+)(?:[ \t]+(\|[^|\t]*\|)(?=[ \t]|$))?[ \t]*(.*)", re.DOTALL)
# What an extension may hold without a change of the molecule: coordinates, labels, values, wedges, atoms that are as drawn.
_DRAWING = re.compile(r"\([^)]*\)|\$[^$]*\$|atomProp(?::[^:,|]*)+|\b(?:w[UD]|a):[\d.]+(?:,[\d.]+)*")
_GROUPING = re.compile(r"\bf:[\d.]+(?:,[\d.]+)*")


class Parts(NamedTuple):
    """What files of molecules have in one line."""

    smiles: str
    extension: str
    """CXSMILES: `|...|`, or an empty string."""
    title: str


def split_smiles(text: str) -> Parts:
    """Take apart a SMILES, its CXSMILES extension and its title; blanks and tabs lie between them.

    >>> split_smiles("CCO |$_AV:1$| ethyl alcohol")
    Parts(smiles='CCO', extension='|$_AV:1$|', title='ethyl alcohol')
    """
    found = _PARTS.fullmatch(text)
    return Parts(*(part or "" for part in found.groups())) if found else Parts(text, "", "")


def describe_rest(text: str) -> str | None:
    """Say what follows a SMILES after a blank or a tab, or return None if nothing does."""
    if not text or text[0].isspace():
        return None
    _, extension, title = split_smiles(text)
    if extension:
        return "CXSMILES extension"
    return "title after the SMILES" if title.strip() and "\n" not in text else None


def only_draws(extension: str, groups: bool = False) -> bool:
    """Say whether a CXSMILES extension can be left out: the SMILES without it is the same molecule.

    It is not with racemic or relative stereo (`&1:`, `o1:`, `r`), radicals, wavy bonds and the like.

    Args:
        extension: `|...|`.
        groups: Whether it may say which components of a reaction belong together (`f:`).
    """
    left = _DRAWING.sub("", extension)
    if groups:
        left = _GROUPING.sub("", left)
    return not left.strip("|, ")
