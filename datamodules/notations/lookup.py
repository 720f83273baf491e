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
        >>> "smiles" in NOTATIONS
        True
        >>> load_notation("smiles").normalize("OCC")
        'CCO'
        >>> load_notation("smile")
        Traceback (most recent call last):
            ...
        ValueError: No notation is called 'smile' (there are: ..., smiles, ...). Did you mean 'smiles'?
    """
    check_notation(name)
    return importlib.import_module(f"datamodules.notations.{name}")


def check_notation(name: str) -> None:
    """Raise ValueError if there is no notation of a name; its module is not imported."""
    if name not in NOTATIONS:
        close = difflib.get_close_matches(name, NOTATIONS, n=1)
        suggestion = f" Did you mean {close[0]!r}?" if close else ""
        raise ValueError(f"No notation is called {name!r} (there are: {', '.join(NOTATIONS)}).{suggestion}")
