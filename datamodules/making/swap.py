"""Put a bracketed substituent of one name into another: the names stay readable, since both are."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from datamodules.making.draws import Draws
from datamodules.notations.naming.prefixes import close_bracket, nest_brackets, order_prefixes

# A substituent ends like one, so it is no stereo descriptor, no indicated hydrogen and no fusion; what binds twice is apart.
_ONCE = re.compile(r"(?:yl|oxy|amino|sulfanyl|anilino|amido|imino|thio|[^aeiou]o)$")
_TWICE = re.compile(r"ylidene(?:amino)?$")
_BEFORE = re.compile(r"(?:^|[\s(\[{]|-)(?:(?:\d+[a-z]?|[NOS]\d*)'*-)?$")


class Site(NamedTuple):
    """A bracketed substituent in a name."""

    start: int
    """The place of its opening bracket."""
    end: int
    """The place behind its closing bracket."""
    content: str
    binds_twice: bool


def find_sites(name: str) -> list[Site]:
    """Return the bracketed substituents of a name, at any depth, which one of another name can replace.

    Examples:
        >>> [site.content for site in find_sites("(2R)-2-amino-N-[3-(4-chlorophenyl)propyl]-1H-indole-3-carboxamide")]
        ['3-(4-chlorophenyl)propyl', '4-chlorophenyl']
        >>> find_sites("imidazo[1,2-a]pyridin-3(2H)-one")
        []
    """
    sites = []
    for place, character in enumerate(name):
        if character not in "([{" or not _BEFORE.search(name[:place]):
            continue
        end = close_bracket(name, place)
        if end < 0 or end >= len(name) or name[end] in " )]}":
            continue
        content = name[place + 1 : end - 1]
        twice = _TWICE.search(content) is not None
        if twice or _ONCE.search(content):
            sites.append(Site(place, end, content, twice))
    return sites


def swap(name: str, site: Site, content: str) -> str:
    """Return a name with another substituent at a site, and the prefixes in alphabetical order.

    Examples:
        >>> name = "1-(4-chlorophenyl)-2-methylpyrrole"
        >>> swap(name, find_sites(name)[0], "pyridin-3-ylmethyl")
        '2-methyl-1-(pyridin-3-ylmethyl)pyrrole'
    """
    return order_prefixes(nest_brackets(f"{name[: site.start]}({content}){name[site.end :]}"))


class Swapping:
    """Draws swaps between names.

    Args:
        names: Names; those with a site take part.
    """

    def __init__(self, names: Sequence[str]) -> None:
        found = ((name, find_sites(name)) for name in names)
        self.names = [(name, sites) for name, sites in found if sites]

    def draw(self, draws: Draws) -> str | None:
        """Return a name with a substituent of another one, or None if the two are the same or do not fit."""
        name, sites = draws.choose(self.names)
        _, others = draws.choose(self.names)
        site, other = draws.choose(sites), draws.choose(others)
        if site.binds_twice != other.binds_twice or site.content == other.content:
            return None
        return swap(name, site, other.content)
