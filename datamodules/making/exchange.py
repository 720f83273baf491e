"""Exchange simple substituents and lengths of chains in a name for others of their class."""

from __future__ import annotations

import re
from collections.abc import Sequence

from datamodules.making.draws import Draws
from datamodules.notations.naming.prefixes import nest_brackets, order_prefixes

CLASSES: tuple[tuple[str, ...], ...] = (
    ("methyl", "ethyl", "propyl", "butyl", "chloro", "bromo", "fluoro", "iodo", "hydroxy", "methoxy", "ethoxy", "amino",
     "nitro", "cyano"),
    ("oxo", "hydroxy", "methyl", "amino", "fluoro"),
    ("propyl", "butyl", "pentyl", "hexyl", "heptyl", "octyl", "ethyl"),
    ("methoxy", "ethoxy", "propoxy", "butoxy", "phenoxy", "propan-2-yloxy"),
    ("cyclopropyl", "cyclobutyl", "cyclopentyl", "cyclohexyl", "phenyl", "propan-2-yl", "tert-butyl"),
    ("acetyl", "propanoyl", "butanoyl", "benzoyl", "pentanoyl"),
    ("acetamido", "propanamido", "butanamido", "benzamido"),
    ("acetic", "propanoic", "butanoic", "pentanoic", "hexanoic"),
    ("acetamide", "propanamide", "butanamide", "pentanamide", "hexanamide"),
    ("acetate", "propanoate", "butanoate", "pentanoate", "hexanoate"),
    ("ethanol", "methanol"),
    ("ethanamine", "methanamine"),
    ("ethanone", "methanone"),
    ("prop", "but", "pent", "hex", "hept", "oct", "non"),
    ("cyclopropan", "cyclobutan", "cyclopentan", "cyclohexan", "cycloheptan"),
    ("sulfonyl", "sulfinyl", "sulfanyl"),
    ("carboxylic acid", "carboxamide", "carbonitrile", "carbaldehyde"),
)  # fmt: skip
"""Words that can take each other's place; a word of several classes takes one of any."""
_STEMS = CLASSES[13]
_MEMBERS = {word: tuple(other for group in CLASSES if word in group for other in group if other != word)
            for group in CLASSES for word in group}  # fmt: skip
_WHOLE = "|".join(sorted((re.escape(word) for word in _MEMBERS if word not in _STEMS), key=len, reverse=True))
# `pent` also begins pentafluoro; a stem of a chain is followed by its ending or its locant. Nitroso, nitrous, hydroxylamine and
# oxolane are other words. What follows a bracket joins it to something, so it is no simple substituent.
_WORD = re.compile(
    rf"(?<![a-z)\]}}])(?:di|tri|tetra|bis|tris)?({_WHOLE})(?!so|us|l[aeio]|id|ene)"
    rf"|(?<![a-z)\]}}])({'|'.join(_STEMS)})(?=an(?!oyl|amido)|en|yn|a?-\d)"
)


def find_words(name: str) -> list[tuple[int, int, str]]:
    """Return where words of a class stand in a name: start, end and the word.

    Examples:
        >>> [word for _, _, word in find_words("4-chloro-2,6-dimethyl-pentafluorohexan-2-one")]
        ['chloro', 'methyl']
    """
    return [
        (found.start(group), found.end(group), found.group(group))
        for found in _WORD.finditer(name)
        for group in (1, 2)
        if found.group(group)
    ]


def exchange(name: str, draws: Draws, most: int = 3) -> str | None:
    """Return a name with one to `most` words exchanged and its prefixes in alphabetical order, or None if it has none.

    Examples:
        >>> exchange("4-chloro-2-methylphenol", Draws("seed 1"), 1)
        '4-chloro-2-fluorophenol'
    """
    words = find_words(name)
    if not words:
        return None
    for start, end, word in sorted(draws.take(words, 1 + draws.below(most)), reverse=True):
        name = name[:start] + draws.choose(_MEMBERS[word]) + name[end:]
    return order_prefixes(nest_brackets(name))


class Exchanging:
    """Draws exchanges in names.

    Args:
        names: Names; those with a word of a class take part.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self.names = [name for name in names if _WORD.search(name)]

    def draw(self, draws: Draws) -> str | None:
        """Return a name with words exchanged."""
        return exchange(draws.choose(self.names), draws)
