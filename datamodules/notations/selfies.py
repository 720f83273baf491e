"""SELFIES: a molecule as bracketed symbols, where nearly every string decodes to some molecule.

The package `selfies` is lenient in ways that would count nonsense as valid: it skips text outside brackets, stops
reading (and checking) at a saturated atom, and ignores empty components. Here every symbol must be a known one.
Its default bonding rules apply. Decoded molecules are then judged and compared as SMILES are.

Reasons that `invalid_reason` gives, besides those of `smiles`: text outside brackets, unknown symbol, empty
component, longer than 10000 characters.
"""

from __future__ import annotations

import functools
import re

import selfies as package

from datamodules.notations import smiles
from datamodules.notations._checks import describe_bad_text
from datamodules.notations.molecules import relations, structure

MAX_LENGTH = 10_000
"""Longest accepted string, in characters; what it decodes to is held to the length of a SMILES."""

_SYMBOL = re.compile(r"\[[^\[\]]*\]")
_PIECE = re.compile(r"\[[^\[\]]*\]|.", re.DOTALL)
_COMPONENT = re.compile(r"(?:\[[^\[\]]*\])+")


@functools.lru_cache(maxsize=4096)
def _is_symbol(symbol: str) -> bool:
    """Say whether the package knows a symbol, wherever it stands."""
    if "eps" in symbol:  # the package takes any symbol with these letters for [epsilon]
        return symbol == "[epsilon]"
    try:
        package.decoder(symbol)
    except package.DecoderError:
        return False
    return True


def _describe_malformed(text: str) -> str | None:
    """Say why `text` is not made of known symbols."""
    reason = describe_bad_text(text, MAX_LENGTH)
    if reason:
        return reason
    components = text.split(".")
    if "" in components:
        return "empty component"
    if not all(_COMPONENT.fullmatch(component) for component in components):
        return "text outside brackets"
    if not all(_is_symbol(symbol) for symbol in _SYMBOL.findall(text)):
        return "unknown symbol"
    return None


@functools.lru_cache(maxsize=4096)
def _read(text: str) -> structure.Molecule | str:
    """Decode and parse, or return the reason why not."""
    reason = _describe_malformed(text)
    if reason:
        return reason
    decoded = package.decoder(text)
    assert isinstance(decoded, str)
    return structure.read(decoded) if decoded else "no atoms"


def _read_valid(text: str) -> structure.Molecule:
    """Decode and parse, or raise ValueError with the reason."""
    molecule = _read(text)
    if isinstance(molecule, str):
        raise ValueError(molecule)
    return molecule


def invalid_reason(text: str) -> str | None:
    """Say why `text` does not decode to a molecule, or return None.

    Examples:
        >>> invalid_reason("[C][C][O]"), invalid_reason("CCO"), invalid_reason("[C][Xx]")
        (None, 'text outside brackets', 'unknown symbol')
    """
    molecule = _read(text)
    return molecule if isinstance(molecule, str) else None


def is_valid(text: str) -> bool:
    """Say whether `text` is made of known symbols and decodes to a molecule that RDKit sanitizes."""
    return invalid_reason(text) is None


def looks_like(text: str) -> bool:
    """Say whether a cell is evidence for a column of SELFIES."""
    return is_valid(text)


def _encode(spelled: str, canonical: str) -> str:
    """Encode a SMILES and make sure that it decodes to the molecule with that canonical SMILES.

    Raises:
        ValueError: If the package cannot encode it, or would change the molecule.
    """
    try:
        encoded = package.encoder(spelled)
    except package.EncoderError as error:
        if "semantic constraints" in str(error):
            raise ValueError("valence beyond the default rules of SELFIES") from error
        raise ValueError("SELFIES has no symbol for some atom or bond") from error
    assert isinstance(encoded, str)
    decoded = _read(encoded)
    if isinstance(decoded, str) or decoded.canonical != canonical:
        raise ValueError("SELFIES does not give the same molecule back")
    return encoded


def from_smiles(text: str) -> str:
    """Return the normal SELFIES of a SMILES: the encoding of its canonical isomeric SMILES.

    Raises:
        ValueError: If the SMILES is invalid, or SELFIES cannot hold the molecule (iodine with more than one
            bond, quadruple bonds: 8 of 20,000 PubChem molecules); the message is the reason.
    """
    canonical = smiles.normalize(text)
    return _encode(canonical, canonical)


def to_smiles(text: str) -> str:
    """Return the decoded molecule's canonical isomeric SMILES; ValueError if invalid."""
    return _read_valid(text).canonical


def normalize(text: str) -> str:
    """Return the SELFIES of the decoded molecule's canonical isomeric SMILES.

    A molecule that only its own spelling can hold (see `from_smiles`) keeps that spelling.

    Raises:
        ValueError: If `text` is not valid; the message is the reason.

    Examples:
        >>> normalize("[C][C][O]"), normalize("[O][C][C]")
        ('[C][C][O]', '[C][C][O]')
    """
    canonical = _read_valid(text).canonical
    try:
        return _encode(canonical, canonical)
    except ValueError:
        return text


def same(prediction: str, target: str) -> dict[str, bool]:
    """Compare two SELFIES: `string` by their characters, the other notions as `smiles.same`, once decoded."""
    return {"string": prediction == target, **structure.compare(_read(prediction), _read(target))}


def identity(text: str) -> str:
    """Return what may not be on both sides of a split, as `smiles.identity`; ValueError if invalid."""
    return structure.compute_identity(_read_valid(text))


def scaffold(text: str) -> str:
    """Return the Murcko scaffold as SMILES (not SELFIES), as `smiles.scaffold`; ValueError if invalid."""
    return structure.compute_scaffold(_read_valid(text))


def parent(text: str) -> str:
    """Return the identity of the largest organic component, neutral, as `smiles.parent`; ValueError if invalid."""
    return relations.compute_parent(_read_valid(text))


def pieces(text: str) -> list[str]:
    """Return what a SELFIES may be cut into: its symbols, and the dots between components.

    Examples:
        >>> pieces("[C][=O].[Na+1]")
        ['[C]', '[=O]', '.', '[Na+1]']
    """
    return _PIECE.findall(text)


def randomize(text: str, seed: int) -> str:
    """Return another SELFIES of the same molecule, a pure function of (text, seed); ValueError if invalid."""
    molecule = _read_valid(text)
    spelled = structure.spell_randomly(molecule, seed)
    if spelled is None:
        return text
    try:
        return _encode(spelled, molecule.canonical)
    except ValueError:
        return text


def similarity(prediction: str, target: str) -> dict[str, float]:
    """Return Tanimoto similarities of the decoded molecules, as `smiles.similarity`."""
    return structure.compute_similarity(_read(prediction), _read_valid(target))
