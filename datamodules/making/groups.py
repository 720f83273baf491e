"""Substituents by rules: halogens, chains, and chains of heteroatoms (`methylsulfanylmethoxy`, `chloro(methyl)silyl`).

Brackets stand as PubChem's names have them: the first of a row of substituents without locants has none.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from datamodules.making.draws import Draws
from datamodules.making.parents import MULTIPLIERS, OF_COMPLEX
from datamodules.making.small_molecules import SENIORITY
from datamodules.notations.naming.prefixes import Parts, Prefix, in_order

RANKS = {ending: 16 - place for place, ending in enumerate(SENIORITY)} | {
    "hydrazine": 8, "diazene": 7, "phosphane": 6, "arsane": 5, "stibane": 4, "silane": 3, "germane": 3, "stannane": 2,
    "borane": 1,
}  # fmt: skip
"""Seniority of what can be the parent or its ending; a substituent may hold nothing more senior than its parent is."""
_ALKYLS = ("methyl", "ethyl", "propyl", "propan-2-yl", "butyl", "butan-2-yl", "2-methylpropyl", "tert-butyl", "pentyl",
           "cyclopropyl", "cyclobutyl", "ethenyl", "prop-1-enyl", "prop-2-enyl", "prop-1-en-2-yl", "but-2-enyl",
           "but-3-enyl", "ethynyl", "prop-1-ynyl", "prop-2-ynyl", "phenyl")  # fmt: skip
_COMMON = 3
"""The first alkyls are drawn more often than the others."""
_HALOGENS = ("fluoro", "chloro", "bromo", "iodo")
_RARE = ("hydroperoxy", "nitro", "nitroso", "azido", "isocyano", "isocyanato", "isothiocyanato")
_CHAINS = {"ethyl": 2, "propyl": 3, "butyl": 4, "ethenyl": 2}
_CONTRACTED = re.compile(r"(?<!cyclo)(meth|eth|prop|but|pent|hex|en|yn|phen)yl$")
_OPEN_ENDINGS = ("oxy", "sulfanyl", "selanyl", "phosphanyl", "sulfinyl", "sulfonyl")
"""Rows of words that end so need no brackets behind a locant: `3-methylsulfanyloxypyrrolidine`."""


class Head(NamedTuple):
    """The last word of a substituent, which carries others."""

    word: str
    hydrogens: int
    bare: str
    """Its name without others; nothing if it needs one."""
    on_carbon: str = ""
    """Its rank where carbon carries it."""
    elsewhere: str = ""
    """Its rank where another atom carries it."""


# What is drawn more often stands here more often.
_HEADS = (
    Head("methyl", 3, "methyl"),
    Head("methyl", 3, "methyl"),
    Head("oxy", 1, "hydroxy", "ol"),
    Head("oxy", 1, "hydroxy", "ol"),
    Head("peroxy", 1, "hydroperoxy"),
    Head("sulfanyl", 1, "sulfanyl", "thiol"),
    Head("sulfanyl", 1, "sulfanyl", "thiol"),
    Head("disulfanyl", 1, "disulfanyl"),
    Head("selanyl", 1, "selanyl"),
    Head("sulfinyl", 1, ""),
    Head("sulfonyl", 1, ""),
    Head("amino", 2, "amino", "amine", "hydrazine"),
    Head("amino", 2, "amino", "amine", "hydrazine"),
    Head("hydrazinyl", 0, "hydrazinyl", "hydrazine", "hydrazine"),
    Head("diazenyl", 1, "diazenyl", "diazene", "diazene"),
    Head("phosphanyl", 2, "phosphanyl", "phosphane", "phosphane"),
    Head("phosphanyl", 2, "phosphanyl", "phosphane", "phosphane"),
    Head("arsanyl", 2, "arsanyl", "arsane", "arsane"),
    Head("stibanyl", 2, "stibanyl", "stibane", "stibane"),
    Head("silyl", 3, "silyl", "silane", "silane"),
    Head("silyl", 3, "silyl", "silane", "silane"),
    Head("germyl", 3, "germyl", "germane", "germane"),
    Head("stannyl", 3, "stannyl", "stannane", "stannane"),
    Head("boranyl", 2, "boranyl", "borane", "borane"),
    Head("boranyl", 2, "boranyl", "borane", "borane"),
)


def draw_group(
    draws: Draws, limit: int, depth: int = 2, *, on_carbon: bool = True, alkyl: bool = True
) -> str:
    """Return a substituent's name without brackets around it.

    Args:
        draws: The draws.
        limit: It holds nothing of a higher rank.
        depth: So many heads may stand in a row.
        on_carbon: Whether carbon carries it.
        alkyl: Whether it may begin with carbon; at a chain's place that would be another chain.
    """
    share = draws.below(100)
    if depth and share < 50:
        return _draw_head(draws, limit, depth, on_carbon, alkyl)
    if alkyl and depth and share < 58:
        return _draw_chain(draws, limit, depth)
    if alkyl and share < 88:
        return draws.choose(_ALKYLS[:_COMMON] if draws.chance(0.6) else _ALKYLS)
    return draws.choose(_HALOGENS if draws.chance(0.75) else _RARE)


def _draw_head(draws: Draws, limit: int, depth: int, on_carbon: bool, alkyl: bool) -> str:
    """Return a head with the substituents that it carries."""
    fitting = [head for head in _HEADS if alkyl or head.word != "methyl"]
    head = draws.choose(fitting)
    bare_rank = RANKS.get(head.on_carbon if on_carbon else head.elsewhere, 0)
    if bare_rank > limit:  # an ether and a sulfide have no ending: only the bare ones are too senior
        if head.word not in ("oxy", "sulfanyl"):
            return draws.choose(_HALOGENS)
    elif head.bare and (head.hydrogens == 0 or draws.chance(0.3)):
        return head.bare
    carbon = head.word == "methyl"
    many = 1 if head.hydrogens == 1 or not draws.chance(0.3) else 2
    return cite(
        [draw_group(draws, limit, depth - 1, on_carbon=carbon, alkyl=not carbon) for _ in range(many)],
        head.word,
    )


def _draw_chain(draws: Draws, limit: int, depth: int) -> str:
    """Return a chain that carries one or two substituents at numbered places."""
    word = draws.choose(tuple(_CHAINS))
    found: dict[str, list[str]] = {}
    for place in sorted(draws.take(range(1, _CHAINS[word] + 1), 1 if draws.chance(0.8) else 2)):
        group = draw_group(draws, limit, depth - 1, alkyl=False)
        found.setdefault(group, []).append(str(place))
    return cite_with_locants(found, word)


def needs_brackets(group: str) -> bool:
    """Say whether a substituent stands in brackets behind a locant.

    Examples:
        >>> [needs_brackets(group) for group in ("methylsulfanyl", "propan-2-yl", "fluoromethyl", "2-chloroethoxy", "silyl")]
        [False, False, True, True, False]
    """
    if group in _ALKYLS or group in _HALOGENS or group in _RARE:
        return group == "2-methylpropyl"
    if any(group == head.bare for head in _HEADS):
        return False
    if re.search(r"[\d(]", group.removeprefix("propan-2-yl")) or group.endswith(
        ("disulfanyl", "hydroperoxy")
    ):
        return True
    return not group.endswith(_OPEN_ENDINGS)


def bracket(group: str) -> str:
    """Return a substituent as it stands behind a locant.

    Examples:
        >>> bracket("fluoromethyl"), bracket("methoxy")
        ('(fluoromethyl)', 'methoxy')
    """
    return f"({group})" if needs_brackets(group) else group


def cite(groups: Sequence[str], head: str) -> str:
    """Return a head with substituents that need no locants, in alphabetical order.

    Examples:
        >>> cite(["methyl", "chloro"], "silyl"), cite(["methyl", "methyl", "iodo"], "phosphane"), cite(["ethyl"], "oxy")
        ('chloro(methyl)silyl', 'iodo(dimethyl)phosphane', 'ethoxy')
    """
    counts = Counter(groups)
    text = ""
    for group in in_order(counts):
        word = "".join(multiply(group, counts[group]))
        text += f"({word})" if text or (counts[group] == 1 and "(" in word) else word
    if head == "oxy" and len(counts) == 1:
        contracted = _CONTRACTED.sub(r"\1oxy", text)
        return contracted if contracted != text else text + head
    return text + head


def multiply(group: str, number: int) -> tuple[str, str]:
    """Return the multiplier of a substituent that stands so many times, and how it is written behind that.

    Examples:
        >>> multiply("methyl", 2), multiply("fluoromethyl", 2)
        (('di', 'methyl'), ('bis', '(fluoromethyl)'))
    """
    if number > 1 and ("-" in group or group not in (*_HALOGENS, *_ALKYLS) or needs_brackets(group)):
        return OF_COMPLEX[number - 1], f"({group})"
    return MULTIPLIERS[number - 1], group


def cite_with_locants(found: Mapping[str, Sequence[str]], head: str) -> str:
    """Return a head with substituents that stand at locants, in alphabetical order.

    Examples:
        >>> cite_with_locants({"methyl": ["2", "2"], "fluoromethyl": ["N"]}, "propanamide")
        'N-(fluoromethyl)-2,2-dimethylpropanamide'
    """
    prefixes = []
    for group in in_order(found):
        multiplier, body = (
            multiply(group, len(found[group])) if len(found[group]) > 1 else ("", bracket(group))
        )
        prefixes.append(Prefix(",".join(found[group]), multiplier, body))
    return str(Parts("", tuple(prefixes), head))
