"""Choose the one name a model should learn among the verified names of a molecule."""

from __future__ import annotations

import re
from collections import Counter

# OpenEye's "systematic" style, which PubChem keeps beside its preferred names: `2-oxidanylpropanoic acid`.
_OPENEYE = {
    "azanylidene": "imino",
    "diazanyl": "hydrazinyl",
    "azanyl": "amino",
    "oxidanylidene": "oxo",
    "oxidanyl": "hydroxy",
    "oxidanidyl": "oxido",
    "sulfanidyl": "sulfido",
    "bromanyl": "bromo",
    "chloranyl": "chloro",
    "fluoranyl": "fluoro",
    "iodanyl": "iodo",
    "phenylmethylidene": "benzylidene",
    "phenylmethyl": "benzyl",
    "ethanoic acid": "acetic acid",
    "ethanoate": "acetate",
    "ethanoyl": "acetyl",
    "ethanamide": "acetamide",
    "ethanenitrile": "acetonitrile",
    "ethanal": "acetaldehyde",
    "methanoic acid": "formic acid",
    "methanoate": "formate",
    "methanoyl": "formyl",
    "methanamide": "formamide",
    "methanal": "formaldehyde",
    "aminocarbonyl": "carbamoyl",
}
_TOKEN = re.compile("|".join(sorted(map(re.escape, _OPENEYE), key=len, reverse=True)))
_OTHER = re.compile(r"lambda\d|oxidani")
_MULTIPLIERS = {"bis": "di", "tris": "tri", "tetrakis": "tetra", "pentakis": "penta", "hexakis": "hexa"}
_MULTIPLIED = re.compile(r"(bis|tris|(?:tetr|pent|hex|hept|oct|non|dec|undec|dodec)akis)\(([a-z]+)\)")
_INVERTED = re.compile(r", |[-,]$")


def is_openeye(name: str) -> bool:
    """Tell whether a name has a word of OpenEye's systematic style (`oxidanyl`, `azanyl`, `lambda5`, ...).

    Examples:
        >>> is_openeye("2-oxidanylpropanoic acid"), is_openeye("2-hydroxypropanoic acid")
        (True, False)
    """
    return _TOKEN.search(name) is not None or _OTHER.search(name) is not None


def is_inverted(name: str) -> bool:
    """Tell whether a name is in the order of an index: `benzene, 1-chloro-3-methyl-`."""
    return _INVERTED.search(name) is not None


def conventional_words(name: str) -> str:
    """Return a name with OpenEye's words replaced; the order of its parts stays, so it serves for comparing only.

    Examples:
        >>> conventional_words("2-oxidanylpropanoic acid"), conventional_words("bis(azanyl)methane")
        ('2-hydroxypropanoic acid', 'diaminomethane')
    """
    name = _TOKEN.sub(lambda found: _OPENEYE[found.group(0)], name)
    return _MULTIPLIED.sub(
        lambda found: _MULTIPLIERS.get(found[1], found[1].removesuffix("kis")) + found[2], name
    )


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
