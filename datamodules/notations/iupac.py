"""IUPAC names. There is no name parser here, so "valid" means well-formed only.

`methylmethylmethane`, `pentavalentcarbon(5)` and `banana` are all well-formed. Whether a name means the right molecule
is decided by a round trip through a parser such as OPSIN, which needs Java and is not run during training.
"""

from __future__ import annotations

import re

from datamodules.notations._checks import MAX_LENGTH
from datamodules.notations._name_parts import find_parts, is_like_a_name
from datamodules.notations._unicode import are_equal, compose

_CLOSING = {")": "(", "]": "[", "}": "{"}
_LOOKALIKES = str.maketrans(
    {
        **dict.fromkeys(
            "\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\ufe63\uff0d", "-"
        ),  # hyphens, dashes
        **dict.fromkeys("\u2018\u2019\u2032\u02b9\u02bc\u00b4", "'"),  # quotes and primes
        "\u2033": "''",
        "\u2034": "'''",
        **dict.fromkeys("\u00a0\u2002\u2003\u2009\u200a\u202f\u3000", " "),  # spaces
        **dict.fromkeys("\u00ad\u200b\u200c\u200d\u2060\ufeff", None),  # soft hyphen, zero-width marks
    }
)
_WORD = re.compile(r"[^\W\d_]{2,}")
_PIECE = re.compile(r"[^\W\d_]+|\d+|.", re.DOTALL)
# Ethanol and ETHANOL, but no Boc, DL or Nalpha (the alpha nitrogen).
_CAPITALISED = re.compile(
    r"(?<![^\W\d_])(?![NOSCP](?:alpha|beta|gamma|delta|epsilon|zeta|eta|omega|tau|pi)(?![^\W\d_]))"
    r"(?:[A-Z][a-z]{3,}|[A-Z]{4,})(?![^\W\d_])"
)


def _fold(text: str) -> str:
    """Replace typographic look-alikes by the ASCII that nomenclature uses.

    Composed before, since that makes look-alikes of other characters (the Greek oxia, wide spaces), and after, since a
    mark of no width may have stood between a letter and its accent.
    """
    return compose(compose(text).translate(_LOOKALIKES))


def _are_balanced(text: str) -> bool:
    """Say whether round, square and curly brackets close in the order they opened."""
    opened = []
    for character in text:
        if character in "([{":
            opened.append(character)
        elif character in _CLOSING and (not opened or opened.pop() != _CLOSING[character]):
            return False
    return not opened


def invalid_reason(text: str) -> str | None:
    """Say why `text` is not a well-formed name, or return None.

    This checks plausibility only: one printable line of at most 1000 characters with a letter in it and balanced
    brackets. It does not check that the name means a molecule.
    """
    if len(text) > MAX_LENGTH:
        return f"longer than {MAX_LENGTH} characters"
    if any(character in "\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029" for character in text):
        return "line break"
    folded = _fold(text)
    if not folded.strip():
        return "empty"
    if not folded.isprintable():
        return "control character"
    if not any(character.isalpha() for character in folded):
        return "no letter"
    return None if _are_balanced(folded) else "unbalanced brackets"


def is_valid(text: str) -> bool:
    """Say whether `text` is a well-formed name; not whether it means a molecule."""
    return invalid_reason(text) is None


def looks_like(text: str) -> bool:
    """Say whether a cell is evidence for a column of names: it is made of the parts of systematic names."""
    return is_valid(text) and is_like_a_name(_fold(text))


def normalize(text: str) -> str:
    r"""Return the name with ASCII hyphens and primes, single spaces, and no space around `;`.

    Case stays as it is: R and r, N- and n-, O- and o-, 1H- mean different things.

    Raises:
        ValueError: If `text` is not well-formed; the message is the reason.

    Examples:
        >>> normalize("N,N\u2011dimethyl  aniline"), normalize("sodium ; chloride")
        ('N,N-dimethyl aniline', 'sodium;chloride')
        >>> normalize("2-(methyl")
        Traceback (most recent call last):
            ...
        ValueError: unbalanced brackets
    """
    reason = invalid_reason(text)
    if reason:
        raise ValueError(reason)
    return re.sub(r" ?; ?", ";", " ".join(_fold(text).split()))


def normalize_question(text: str) -> str:
    """Return what `normalize` does, with capitalised words of four letters and more in lower case, as names are written.

    For names that are asked about: a model that has read ethanol takes Ethanol for something else.

    Raises:
        ValueError: If `text` is not well-formed; the message is the reason.

    Examples:
        >>> normalize_question("Ethanol"), normalize_question("N-Methylaniline"), normalize_question("(2R)-butan-2-ol")
        ('ethanol', 'N-methylaniline', '(2R)-butan-2-ol')
    """
    return _CAPITALISED.sub(lambda word: word.group().lower(), normalize(text))


def pieces(text: str) -> list[str]:
    """Return what a name may be cut into: the parts of its words, its numbers, and all else character by character.

    Examples:
        >>> pieces("2-(4-chlorophenyl)acetic acid")
        ['2', '-', '(', '4', '-', 'chloro', 'phenyl', ')', 'acet', 'ic', ' ', 'acid']
    """
    return [part for piece in _PIECE.findall(text) for part in find_parts(piece) or (piece,)]


def name_by_rules(smiles: str) -> str:
    """Return the name that openclatura, a rule-based namer (extra `openclatura`), gives a molecule.

    It names 50 to 60 molecules a second and takes half a minute for some: call it through `worker.GuardedWorker`.

    Raises:
        ValueError: If it gives none, or is not installed.
    """
    from rdkit import rdBase

    try:
        import openclatura
    except ModuleNotFoundError as error:
        raise ValueError('openclatura is not installed: pip install -e ".[openclatura]"') from error
    try:
        name = str(openclatura.name_smiles(smiles))
    except Exception as error:  # whatever it trips over is no name
        raise ValueError(f"{type(error).__name__}: {error}") from error
    finally:
        for log in ("rdApp.warning", "rdApp.error"):  # openclatura silences RDKit for the whole process
            rdBase.EnableLog(log)
    if not name:
        raise ValueError("no name")
    return name


def _fold_case(name: str) -> str:
    """Lower-case the words of a name, but not its single letters (locants and stereo descriptors)."""
    return _WORD.sub(lambda word: word.group().casefold(), name)


def same(prediction: str, target: str) -> dict[str, bool]:
    """Compare two names as text; different names of one molecule are different here.

    Returns:
        `string`: the same characters. `normalized`: the same after `normalize` and after lower-casing words of two
        letters or more, so Ethanol is ethanol, but N-butylaniline is not n-butylaniline, nor (1R) (1r). False when
        either is not well-formed.

    Examples:
        >>> same("Ethanol", "ethanol"), same("n-butylaniline", "N-butylaniline")
        ({'string': False, 'normalized': True}, {'string': False, 'normalized': False})
    """
    normalized = (
        is_valid(prediction)
        and is_valid(target)
        and _fold_case(normalize(prediction)) == _fold_case(normalize(target))
    )
    return {"string": are_equal(prediction, target), "normalized": normalized}
