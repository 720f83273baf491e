"""Reactions as SMILES: `reactants>agents>products`, the components of each part separated by dots.

Reasons that `invalid_reason` gives: empty, whitespace, title after the SMILES, CXSMILES extension, longer than 4000
characters, not a reaction (reactants>agents>products), no reactants, no products, and those of `smiles` with the part before
them (`products: valence`).
"""

from __future__ import annotations

import re
from typing import NamedTuple

from datamodules.notations._checks import describe_bad_text, describe_rest, only_draws, split_smiles
from datamodules.notations.molecules import structure

MAX_LENGTH = 4000
"""Longest accepted string, in characters; each of the three parts is held to the length of a SMILES."""
PARTS = ("reactants", "agents", "products")
_ARROW = re.compile(r"(?<!-)>")  # `->` is a dative bond


class _Reaction(NamedTuple):
    """The canonical SMILES of the components of each part, sorted."""

    reactants: tuple[str, ...]
    agents: tuple[str, ...]
    products: tuple[str, ...]


def invalid_reason(text: str) -> str | None:
    """Say why `text` is not one reaction with reactants and products, or return None."""
    reaction = _read(text)
    return reaction if isinstance(reaction, str) else None


def is_valid(text: str) -> bool:
    """Say whether `text` is one reaction with reactants and products that RDKit sanitizes."""
    return invalid_reason(text) is None


def looks_like(text: str) -> bool:
    """Say whether a cell is evidence for a column of reactions."""
    return is_valid(text)


def normalize(text: str) -> str:
    """Return the reaction with canonical components, sorted in each part; agents stay agents.

    Atom-map numbers are cleared; components that stand there twice stay so.

    >>> normalize("[CH3:1]O.OC(C)=O>[H+]>COC(C)=O")
    'CC(=O)O.CO>[H+]>COC(C)=O'

    Raises:
        ValueError: If `text` is not valid; the message is the reason.
    """
    return ">".join(".".join(components) for components in _read_valid(text))


def strip_title(text: str) -> str:
    """Return the reaction without the title and the CXSMILES extension behind it.

    Which dots join one component (`f:`) is forgotten with it: each side of a dot is a component here.

    Raises:
        ValueError: If the extension changes a molecule; the message is the reason.
    """
    reaction, extension, title = split_smiles(text)
    if extension and not only_draws(extension, groups=True):
        raise ValueError("CXSMILES extension that changes the molecules")
    if title and (">" in title or is_valid(reaction + title)):
        raise ValueError("title after the SMILES that could be a part of it")
    return reaction


def same(prediction: str, target: str) -> dict[str, bool]:
    """Compare two reactions as sets of components, in each part.

    Returns:
        `string`: the same characters. `canonical`: the same sets of reactants, of agents and of products. `without_agents`:
        the same sets of reactants and of products. All but `string` are False when either is invalid.
    """
    ours, theirs = _read(prediction), _read(target)
    alike = [False] * len(PARTS)
    if not isinstance(ours, str) and not isinstance(theirs, str):
        alike = [set(one) == set(other) for one, other in zip(ours, theirs, strict=True)]
    reactants, agents, products = alike
    return {
        "string": prediction == target,
        "canonical": reactants and agents and products,
        "without_agents": reactants and products,
    }


def identity(text: str) -> str:
    """Return what may not be on both sides of a split: the connectivities of reactants and products.

    Raises:
        ValueError: If `text` is not valid; the message is the reason.
    """
    reaction = _read_valid(text)
    return ">>".join(
        ".".join(sorted({structure.compute_identity(structure.read_valid(one)) for one in components}))
        for components in (reaction.reactants, reaction.products)
    )


def _read(text: str) -> _Reaction | str:
    """Parse a reaction, or return the reason why it is none."""
    reason = describe_rest(text) or describe_bad_text(text, MAX_LENGTH)
    if reason:
        return reason
    parts = _ARROW.split(text)
    if len(parts) != len(PARTS):
        return "not a reaction (reactants>agents>products)"
    found = []
    for name, part in zip(PARTS, parts, strict=True):
        if not part and name != "agents":
            return f"no {name}"
        components = _read_components(part)
        if isinstance(components, str):
            return f"{name}: {components}"
        found.append(components)
    return _Reaction(*found)


def _read_components(part: str) -> tuple[str, ...] | str:
    """Return the canonical SMILES of the components of a part, sorted, or the reason why it is not valid."""
    if not part:
        return ()
    whole = structure.read(part)  # as one, for a ring may be closed over a dot
    return whole if isinstance(whole, str) else tuple(sorted(whole.canonical.split(".")))


def _read_valid(text: str) -> _Reaction:
    reaction = _read(text)
    if isinstance(reaction, str):
        raise ValueError(reaction)
    return reaction
