"""Find a notation by its name: the name of its file in this folder."""

from __future__ import annotations

import difflib
import importlib
import re
from pathlib import Path
from types import ModuleType

_HELPERS = ("lookup",)

NOTATIONS: tuple[str, ...] = tuple(
    sorted(
        path.stem
        for path in Path(__file__).parent.glob("*.py")
        if not path.stem.startswith("_") and path.stem not in _HELPERS
    )
)
"""The names of all notations, sorted."""

_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_ALIASES = {
    "name": "iupac",
    "names": "iupac",
    "arpabet": "phonemes",
    "pronunciation": "phonemes",
    "rxn": "reaction",
}


def hint_notations(header: str) -> tuple[str, ...]:
    """Return the notations that whole words of a column's header hint at: its cells decide.

    >>> hint_notations("canonicalSMILES"), hint_notations("Formula Weight"), hint_notations("formulation")
    (('smiles',), ('formula',), ())
    """
    words = (word.lower() for word in _WORD.findall(header))
    hinted = (_ALIASES.get(word, word) for word in words)
    return tuple(dict.fromkeys(name for name in hinted if name in NOTATIONS and name != "text"))


def load_notation(name: str) -> ModuleType:
    """Import the module of a notation.

    Args:
        name: One of `NOTATIONS`.

    Raises:
        ValueError: If there is none of that name; the message lists those that exist.
    """
    if name not in NOTATIONS:
        close = difflib.get_close_matches(name, NOTATIONS, n=1)
        suggestion = f" Did you mean {close[0]!r}?" if close else ""
        raise ValueError(f"No notation is called {name!r} (there are: {', '.join(NOTATIONS)}).{suggestion}")
    return importlib.import_module(f"datamodules.notations.{name}")
