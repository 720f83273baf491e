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

UNAMBIGUOUS = ("smiles", "selfies", "iupac", "phonemes")
"""Headers that can only name a notation; `formula`, `polymer` or `reaction` may stand above anything."""

_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_ALIASES = {
    "name": ("iupac",),
    "names": ("iupac",),
    "rxn": ("reaction",),
    "reactions": ("reaction",),
    "psmiles": ("polymer",),
    "polymers": ("polymer",),
    "formulas": ("formula",),
    "formulae": ("formula",),
    "arpabet": ("phonemes",),
    "pronunciation": ("phonemes", "ipa"),
    "transcription": ("phonemes", "ipa"),
}


def hint_notations(header: str) -> tuple[str, ...]:
    """Return the notations that whole words of a column's header name; only its cells can tell whether it holds them.

    Examples:
        >>> hint_notations("canonicalSMILES"), hint_notations("Formula Weight"), hint_notations("formulation")
        (('smiles',), ('formula',), ())
    """
    words = (word.lower() for word in _WORD.findall(header))
    named = (name for word in words for name in _ALIASES.get(word, (word,)))
    return tuple(
        dict.fromkeys(
            name for name in named if name in NOTATIONS and name not in ("text", "number", "answer")
        )
    )


def name_notation(header: str) -> str:
    """Return the notation that a header's last word names if it can mean nothing else, else `text`: without cells to look at.

    Examples:
        >>> name_notation("canonical_smiles"), name_notation("smiles_length"), name_notation("Formula Weight")
        ('smiles', 'text', 'text')
    """
    words = _WORD.findall(header)
    last = words[-1].lower() if words else ""
    return last if last in UNAMBIGUOUS else "text"


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
