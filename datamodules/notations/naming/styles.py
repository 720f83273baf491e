"""The style of a name: conventional, OpenEye's, or in the order of an index."""

from __future__ import annotations

import re

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


OPENEYE_PATTERN = f"{_TOKEN.pattern}|{_OTHER.pattern}"
INVERTED_PATTERN = _INVERTED.pattern


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


def find_style(name: str) -> str:
    """Return the style of a name, as the column `style` of the built-in data has it.

    Examples:
        >>> [find_style(name) for name in ("2-azanylethanol", "benzene, nitro-", "aniline")]
        ['openeye', 'inverted', 'conventional']
    """
    if is_openeye(name):
        return "openeye"
    return "inverted" if is_inverted(name) else "conventional"


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
