"""Of several names of one molecule, keep the one that the rules of names prefer, as far as text can tell."""

from __future__ import annotations

import re
from collections.abc import Iterable

from datamodules.notations.naming.prefixes import close_bracket, is_alphabetical

# A locant stands before a comma, a hyphen or a letter that belongs to it (`4a`); `1H` is one, too.
_LOCANT = re.compile(r"(?<![A-Za-z\d])(\d+)[a-zH]?'*(?=[,\-).]|$)")


def list_locants(name: str) -> tuple[int, ...]:
    """Return the numbers of a name's locants as they are cited, without those in brackets.

    Examples:
        >>> list_locants("4-(2-chloroethyl)-1,2-dimethylbenzene"), list_locants("ethanol")
        ((4, 1, 2), ())
    """
    text, place = "", 0
    while place < len(name):
        end = close_bracket(name, place) if name[place] in "([{" else -1
        text += name[place] if end < 0 else "."
        place = place + 1 if end < 0 else end
    return tuple(int(number) for number in _LOCANT.findall(text))


def rank_name(name: str) -> tuple[bool, tuple[int, ...], tuple[int, ...], int, str]:
    """Return the sort key of a name; of several names of one molecule the least is preferred.

    Prefixes in alphabetical order come first, then the locants that are lower at the first point of difference (all of the
    name in ascending order, then as they are cited), then the shorter name.
    """
    cited = list_locants(name)
    return not is_alphabetical(name), tuple(sorted(cited)), cited, len(name), name


def choose_preferred(names: Iterable[str]) -> str:
    """Return the preferred one of several names of one molecule; their order does not matter.

    Examples:
        >>> choose_preferred(["4-chloro-2-methylphenol", "2-methyl-4-chlorophenol"])
        '4-chloro-2-methylphenol'
        >>> choose_preferred(["3,4-dimethyltoluene", "1,2,4-trimethylbenzene", "1,3,4-trimethylbenzene"])
        '1,2,4-trimethylbenzene'
    """
    return min(names, key=rank_name)


def is_preferred(name: str, others: Iterable[str]) -> bool:
    """Say whether a name's prefixes are in order, and no other name of the molecule has lower locants.

    Args:
        name: A name.
        others: Other names of the same molecule, as far as they are at hand.

    Examples:
        >>> is_preferred("1,3,4-trimethylbenzene", ["1,2,4-trimethylbenzene"]), is_preferred("propan-2-ol", [])
        (False, True)
    """
    own = sorted(list_locants(name))
    return is_alphabetical(name) and all(own <= sorted(list_locants(other)) for other in others)
