"""Choose the one name a model should learn among the verified names of a molecule."""

from __future__ import annotations

from collections import Counter

from datamodules.notations.naming.styles import is_inverted, is_openeye


def _pairs(name: str) -> Counter[str]:
    text = name.replace("-", "").lower()
    return Counter(text[index : index + 2] for index in range(len(text) - 1))


def distance(name: str, anchor: str) -> int:
    """Return how many neighbouring pairs of characters two names do not share, hyphens aside.

    The order of substituents hardly counts: an alphabetical `2-hydroxy-5-methyl` is close to the `5-methyl-2-hydroxy`
    that `conventional_words` makes of `5-methyl-2-oxidanyl`.
    """
    ours, theirs = _pairs(name), _pairs(anchor)
    return ((ours - theirs) + (theirs - ours)).total()


def rank(
    name: str, anchor: str, source_rank: int, position: int
) -> tuple[bool, bool, int, int, int, int, str]:
    """Return the sort key of a verified name; the least one is the primary name.

    Args:
        name: A verified name.
        anchor: The package's own systematic name of the molecule in conventional words, verified or not.
        source_rank: The place of the package in the order of packages.
        position: The place of the name among the package's names of the molecule.
    """
    return (
        is_openeye(name),
        is_inverted(name),
        source_rank,
        distance(name, anchor),
        name.count("-"),
        position,
        name,
    )
