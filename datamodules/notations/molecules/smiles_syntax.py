"""Why a SMILES string does not parse, in words.

RDKit decides whether a string is valid; it only logs why, as text meant for people. This module reads the string
once more to name the mistake. It is asked about strings that RDKit refused, so it need not be complete.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator

from rdkit import Chem

_TOKEN = re.compile(
    r"(?P<bracket>\[[^\[\]]*\])"
    r"|(?P<atom>Br|Cl|[BCNOPSFIbcnops*])"
    r"|(?P<bond>->|<-|[-=#$:/\\])"
    r"|(?P<ring>%\d\d|%\(\d{1,5}\)|\d)"
    r"|(?P<open>\()|(?P<close>\))|(?P<dot>\.)"
)
_BRACKET = re.compile(
    r"\[\d{0,3}(?P<symbol>[A-Z][a-z]?|[a-z]{1,2}|#\d+|\*)"
    r"(?:@(?:@|(?:TH|AL|SP|TB|OH)\d+)?)?(?:H\d*)?(?:\++|-+|[+-]\d+)?(?::\d+)?\]"
)
_PIECE = re.compile(r"\[[^\[\]]*\]|Br|Cl|->|<-|%\d\d|%\(\d{1,5}\)|.", re.DOTALL)
_AROMATIC = frozenset({"b", "c", "n", "o", "p", "s", "as", "se", "si", "te"})


@functools.lru_cache(maxsize=1)
def element_symbols() -> frozenset[str]:
    """Return the symbols of the 118 elements."""
    table = Chem.GetPeriodicTable()
    return frozenset(table.GetElementSymbol(number) for number in range(1, 119))


def split_pieces(smiles: str) -> list[str]:
    """Return the atoms, bonds, ring numbers, brackets and dots of a SMILES; joined, they are the string.

    Examples:
        >>> split_pieces("C[C@H](Cl)c1ccc%12c1")
        ['C', '[C@H]', '(', 'Cl', ')', 'c', '1', 'c', 'c', 'c', '%12', 'c', '1']
    """
    return _PIECE.findall(smiles)


def describe_syntax_error(smiles: str) -> str:
    """Name the first kind of mistake in a SMILES string that does not parse.

    Args:
        smiles: Printable ASCII that RDKit refused even without checking its chemistry.

    Returns:
        For example `unclosed ring` or `unbalanced parenthesis`; `not parseable` if nothing known is wrong.
    """
    if ">" in smiles.replace("->", ""):
        return "reaction, not a molecule"
    tokens = list(_tokens(smiles))
    for kind, token in tokens:
        reason = _describe_token(kind, token)
        if reason:
            return reason
    return _describe_order(tokens) or _describe_rings(tokens) or "not parseable"


def _tokens(smiles: str) -> Iterator[tuple[str, str]]:
    """Yield (kind, token); a character that starts no token has the kind `other`."""
    position = 0
    while position < len(smiles):
        match = _TOKEN.match(smiles, position)
        if match:
            assert match.lastgroup is not None
            yield match.lastgroup, match.group()
            position = match.end()
        else:
            yield "other", smiles[position]
            position += 1


def _describe_token(kind: str, token: str) -> str | None:
    """Say what is wrong with a token by itself."""
    if kind == "bracket":
        match = _BRACKET.fullmatch(token)
        if not match:
            return "malformed bracket atom"
        symbol = match["symbol"]
        known = symbol[0] in "#*" or symbol in _AROMATIC or symbol in element_symbols()
        # `[nH]` and `[Hg]` match as written; `[CH3]` must not be taken for an element called CH.
        return None if known else "unknown atom"
    if kind == "other":
        if token in "[]":
            return "unclosed bracket"
        if token == "%":
            return "malformed ring number"
        return "unknown atom" if token.isalpha() else "unexpected character"
    return None


def _describe_order(tokens: list[tuple[str, str]]) -> str | None:
    """Say which neighbouring tokens cannot stand next to each other, or that parentheses do not pair up."""
    depth = 0
    before = anchor = "start"  # the anchor is what a bond hangs on
    for kind, _ in [*tokens, ("end", "")]:
        if kind == "open":
            depth += 1
        elif kind == "close":
            depth -= 1
        if depth < 0 or (kind == "end" and depth > 0):
            return "unbalanced parenthesis"
        if kind in ("open", "close") and before in ("start", "open", "dot"):
            return "misplaced parenthesis"
        if before == "bond" and kind not in ("atom", "bracket", "ring"):
            return "dangling bond"
        if kind == "bond" and before in ("start", "dot"):
            return "dangling bond"
        if kind == "ring" and anchor in ("start", "open", "close", "dot"):
            return "misplaced ring number"
        if kind in ("dot", "end") and before in ("start", "dot"):
            return "empty component"
        before = kind
        anchor = anchor if kind == "bond" else kind
    return None


def _describe_rings(tokens: list[tuple[str, str]]) -> str | None:
    """Say whether a ring number is left open, or closes onto its own atom or a neighbour."""
    opened: dict[int, int] = {}
    bonded: set[frozenset[int]] = set()
    branches: list[int | None] = []
    last: int | None = None
    count = 0
    for kind, token in tokens:
        if kind in ("atom", "bracket"):
            if last is not None:
                bonded.add(frozenset((last, count)))
            last, count = count, count + 1
        elif kind == "open":
            branches.append(last)
        elif kind == "close":
            last = branches.pop()
        elif kind == "dot":
            last = None
        elif kind == "ring":
            assert last is not None, "the order of the tokens is checked before the rings"
            label = int(token.strip("%()"))
            if label not in opened:
                opened[label] = last
                continue
            pair = frozenset((opened.pop(label), last))
            if len(pair) == 1 or pair in bonded:
                return "ring closed onto itself or a neighbour"
            bonded.add(pair)
    return "unclosed ring" if opened else None
