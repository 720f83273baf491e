"""File names made of other people's words, such as tasks that are named by a table's columns."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable

_UNSAFE = re.compile(r"[^\w .+()-]")
"""What some system forbids in a file's name, or reads as more than a name."""
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)
"""Windows' devices, whatever their ending."""
_LONGEST = 60
"""Characters of a name, each of up to four bytes; systems allow 255 bytes with the ending."""


def safe_names(texts: Iterable[str]) -> dict[str, str]:
    """Return a file's name, without an ending, for each text: allowed on every system, and no two the same there.

    A text that can be a name stays as it is. Another one is changed, and marked with a digest of itself; so is one that differs
    from an earlier one only in its capitals, which Windows and macOS take for the same.

    Examples:
        >>> list(safe_names(["smiles_to_name", "Structure_to_m/z", "SMILES_to_name"]).values())
        ['smiles_to_name', 'Structure_to_m_z-e60c6c88', 'SMILES_to_name-f598d734']
    """
    found: dict[str, str] = {}
    taken: set[str] = set()
    for text in dict.fromkeys(texts):
        name = _clean(text)
        if name != text or _fold(name) in taken:
            name = f"{name}-{hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()[:8]}"
        taken.add(_fold(name))
        found[text] = name
    return found


def _clean(text: str) -> str:
    name = _UNSAFE.sub("_", unicodedata.normalize("NFC", text))[:_LONGEST]
    name = re.sub(r"^[. ]|[. ]$", "_", name)
    return f"_{name}" if not name or _RESERVED.fullmatch(name) else name


def _fold(name: str) -> str:
    return unicodedata.normalize("NFC", name.casefold())
