"""Molecular formulas in Hill order with the charge last: `C9H8O4`, `H4N+`, `C6H5O7-3`.

Read more widely than written: elements may repeat (`CH3CH2OH`), parentheses and components with a number in front
count too (`Ca(OH)2`, `CuO4S.5H2O`). D and T are kept apart from H: who writes them means the isotope.
"""

from __future__ import annotations

import re
from collections import Counter

from datamodules.notations._checks import describe_bad_text
from datamodules.notations.molecules import structure
from datamodules.notations.molecules.smiles_syntax import element_symbols

_CHARGE = re.compile(r"([+-])([1-9][0-9]{0,2})?$")
_MULTIPLIER = re.compile(r"[1-9][0-9]{0,5}(?=.)")
_TOKEN = re.compile(r"([A-Z][a-z]?|\(|\))([1-9][0-9]{0,5})?")
_TOKENS = re.compile(rf"(?:{_TOKEN.pattern})+")
_ION = re.compile(r"[A-Z][a-z]?[0-9]+[+-]")  # Ca2+: two atoms or two charges

LEAST_SHARE = 0.95
"""Share of cells that must look like formulas before a column is taken for formulas, since others would be rewritten."""


def _parse(text: str) -> tuple[Counter[str], int]:
    """Return the number of atoms of each element, and the charge.

    Raises:
        ValueError: If it is not a formula; the message is the reason.
    """
    reason = describe_bad_text(text)
    if reason:
        raise ValueError(reason)
    charge = 0
    match = _CHARGE.search(text)
    if match:
        charge = int(match[1] + (match[2] or "1"))
        text = text[: match.start()]
    total: Counter[str] = Counter()
    for component in text.split("."):
        match = _MULTIPLIER.match(component)
        times = int(match.group()) if match else 1
        for symbol, number in _count(component[match.end() :] if match else component).items():
            total[symbol] += times * number
    return total, charge


def _count(component: str) -> Counter[str]:
    """Count the elements of one component without charge.

    Raises:
        ValueError: If it is not a formula; the message is the reason.
    """
    if not _TOKENS.fullmatch(component):
        raise ValueError("malformed formula")
    groups: list[Counter[str]] = [Counter()]  # one more for each open parenthesis
    for part, digits in _TOKEN.findall(component):
        number = int(digits or 1)
        if part == "(":
            if digits:
                raise ValueError("malformed formula")
            groups.append(Counter())
        elif part == ")":
            if len(groups) == 1 or not groups[-1]:
                raise ValueError("unbalanced parenthesis")
            for symbol, inner in groups.pop().items():
                groups[-1][symbol] += inner * number
        elif part in element_symbols() or part in ("D", "T"):
            groups[-1][part] += number
        else:
            raise ValueError("unknown element")
    if len(groups) > 1:
        raise ValueError("unbalanced parenthesis")
    return groups[0]


def invalid_reason(text: str) -> str | None:
    """Say why `text` is not a molecular formula of known elements, or return None."""
    try:
        _parse(text)
    except ValueError as reason:
        return str(reason)
    return None


def is_valid(text: str) -> bool:
    """Say whether `text` is a molecular formula of known elements; not whether such a molecule can exist."""
    return invalid_reason(text) is None


def looks_like(text: str) -> bool:
    """Say whether a cell is evidence for a column of molecular formulas: it is in Hill order.

    A linear formula (CH3CH2OH) says more than its atoms and must not be rewritten. A longer word without a digit is no evidence.

    Examples:
        >>> [looks_like(text) for text in ("C2H6O", "CH3CH2OH", "SO42-", "Ca2+")]
        [True, False, False, False]
    """
    is_word = len(text) > 4 and not any(character.isdigit() for character in text)
    return not is_word and not _ION.fullmatch(text) and is_valid(text) and normalize(text) == text


def normalize(text: str) -> str:
    """Return the formula in Hill order: C, H, then the alphabet; the alphabet alone where there is no carbon.

    Source: Hill, 1900, doi:10.1021/ja02046a005; charges as PubChem and RDKit write them (`+`, `-2`).

    Raises:
        ValueError: If `text` is not valid; the message is the reason.

    Examples:
        >>> normalize("CH3CH2OH"), normalize("Ca(OH)2"), normalize("CuSO4.5H2O"), normalize("NH4+")
        ('C2H6O', 'CaH2O2', 'CuH10O9S', 'H4N+')
    """
    counts, charge = _parse(text)
    first = [symbol for symbol in ("C", "H", "D", "T") if symbol in counts] if "C" in counts else []
    order = first + sorted(set(counts) - set(first))
    atoms = "".join(f"{symbol}{counts[symbol] if counts[symbol] > 1 else ''}" for symbol in order)
    sign = "+" if charge > 0 else "-"
    size = str(abs(charge)) if abs(charge) > 1 else ""
    return atoms + (sign + size if charge else "")


def from_smiles(text: str) -> str:
    """Return the formula of a molecule, charge included.

    Raises:
        ValueError: If `text` is not a valid SMILES; the message is the reason.

    Examples:
        >>> from_smiles("CC(=O)[O-].[Na+]")
        'C2H3NaO2'
    """
    return normalize(structure.read_once(text).formula)


def same(prediction: str, target: str) -> dict[str, bool]:
    """Compare two formulas: `string`, the same characters; `composition`, the same atoms and charge.

    C2H6O has the composition of CH3CH2OH. `composition` is False when either is invalid.

    Examples:
        >>> same("HOC2H5", "C2H6O")
        {'string': False, 'composition': True}
    """
    try:
        composition = _parse(prediction) == _parse(target)
    except ValueError:
        composition = False
    return {"string": prediction == target, "composition": composition}
