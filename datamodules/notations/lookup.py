"""Find a notation by its name: the name of its file in this folder."""

from __future__ import annotations

import difflib
import importlib
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


def load_notation(name: str) -> ModuleType:
    """Import the module of a notation.

    Args:
        name: One of `NOTATIONS`.

    Raises:
        ValueError: If there is none of that name; the message lists those that exist.

    Examples:
        >>> NOTATIONS
        ('formula', 'ipa', 'iupac', 'number', 'phonemes', 'polymer', 'reaction', 'selfies', 'smiles', 'text')
        >>> load_notation("smiles").normalize("OCC")
        'CCO'
        >>> load_notation("smile")
        Traceback (most recent call last):
            ...
        ValueError: No notation is called 'smile' (there are: formula, ..., smiles, text). Did you mean 'smiles'?
    """
    if name not in NOTATIONS:
        close = difflib.get_close_matches(name, NOTATIONS, n=1)
        suggestion = f" Did you mean {close[0]!r}?" if close else ""
        raise ValueError(f"No notation is called {name!r} (there are: {', '.join(NOTATIONS)}).{suggestion}")
    return importlib.import_module(f"datamodules.notations.{name}")
