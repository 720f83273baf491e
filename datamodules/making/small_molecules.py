"""Names of small molecules by rules: a chain or a ring, multiple bonds, an ending, and up to three substituents.

Each name has the lowest locants and alphabetical prefixes that the rules ask for, as far as the skeleton goes: endings first,
then multiple bonds, then all substituents, then these as they are cited.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from datamodules.making.draws import Draws
from datamodules.making.parents import (
    BENZENE,
    CHAINS,
    CYCLOS,
    HETEROCYCLES,
    MULTIPLIERS,
    OF_COMPLEX,
    TERMINAL,
    Parent,
    name_parent,
)
from datamodules.notations.naming.prefixes import Parts, Prefix, in_order

SENIORITY = ("acid", "amide", "nitrile", "al", "one", "ol", "thiol", "amine")
"""Endings, the most senior first; what is junior to the ending is a prefix."""
_PLAIN = ("methyl", "ethyl", "fluoro", "chloro", "bromo", "iodo", "methoxy", "ethoxy", "nitro", "(trifluoromethyl)",
          "(dimethylamino)", "methylsulfanyl", "propyl", "propan-2-yl", "tert-butyl", "phenyl", "cyclopropyl")  # fmt: skip
_JUNIOR = {"hydroxy": "one", "amino": "thiol", "sulfanyl": "ol", "cyano": "amide", "oxo": "nitrile"}
"""Prefixes that need an ending at least so senior."""
_CARBONS = {"methyl": 1, "ethyl": 2, "propyl": 3, "propan-2-yl": 3, "tert-butyl": 4}
_RINGS = ("phenyl", "cyclopropyl")
_ON_NITROGEN = ("methyl", "ethyl", "propyl", "propan-2-yl", "phenyl", "cyclopropyl")
_SEPARATE = ("methylsulfanyl", "propan-2-yl")
"""Multiplied, they stand in brackets."""
Substituents = Mapping[str, Sequence[int]]
ON_ENDING = 0
"""The place of a substituent that an ending's nitrogen carries; its locant is N."""


def draw_name(draws: Draws) -> str | None:
    """Return the name of a drawn molecule, or None if what was drawn does not fit together."""
    share = draws.below(100)
    parents = CHAINS if share < 40 else CYCLOS if share < 55 else (BENZENE,) if share < 75 else HETEROCYCLES
    parent = draws.choose(parents)
    free = dict(parent.free)
    bonds = draw_bonds(parent, free, draws)
    suffix = draws.choose((*SENIORITY, "", ""))
    places = draw_suffix(parent, free, suffix, draws)
    if places is None:
        return None
    found = _draw_substituents(parent, free, suffix, draws)
    return write_name(parent, bonds, suffix, places, found)


def draw_bonds(parent: Parent, free: dict[int, int], draws: Draws) -> list[tuple[int, int, str]]:
    """Return at most two multiple bonds of one kind as (place, next place, kind), and take their hydrogens."""
    if parent.kind not in ("chain", "cyclo") or len(free) < 2 or not draws.chance(0.35):
        return []
    kind = "yn" if parent.kind == "chain" and draws.chance(0.3) else "en"
    number = 2 if len(free) > 4 and draws.chance(0.2) else 1
    bonds = list[tuple[int, int, str]]()
    last = len(free) if parent.kind == "chain" else len(free) + 1
    for place in sorted(draws.take(range(1, last), number)):
        after = place % len(free) + 1
        cost = 1 if kind == "en" else 2
        if min(free[place], free[after]) >= cost and not any({place, after} & {a, b} for a, b, _ in bonds):
            free[place] -= cost
            free[after] -= cost
            bonds.append((place, after, kind))
    return bonds


def draw_suffix(parent: Parent, free: dict[int, int], suffix: str, draws: Draws) -> list[int] | None:
    """Return where the ending stands, and take its hydrogens; None if it stands nowhere."""
    if not suffix:
        return []
    number = 2 if parent.kind != "benzene" and draws.chance(0.1) else 1
    if parent.kind == "chain" and suffix in TERMINAL:
        places = [1, len(free)][: min(number, len(free))] if suffix in ("acid", "amide", "nitrile") else [1]
        if any(free[place] < 3 for place in places):
            return None
        free.update(dict.fromkeys(places, 0))
        return places
    cost = 2 if suffix == "one" else 1
    fitting = [place for place in free if free[place] >= cost and place not in parent.nitrogens]
    if suffix == "one":  # at the end of a chain it is al
        fitting = [place for place in fitting if free[place] == 2 and parent.free[place] == 2]
    places = sorted(draws.take(fitting, number))
    for place in places:
        free[place] -= cost
    return places or None


def _draw_substituents(
    parent: Parent, free: dict[int, int], suffix: str, draws: Draws
) -> dict[str, list[int]]:
    """Return up to three substituents by name, and take their hydrogens."""
    rank = SENIORITY.index(suffix) if suffix else len(SENIORITY)
    names = [*_PLAIN, *(name for name, least in _JUNIOR.items() if rank <= SENIORITY.index(least))]
    found: dict[str, list[int]] = defaultdict(list)
    name = draws.choose(names)
    for _ in range(draws.choose((0, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3))):
        if not draws.chance(0.35):
            name = draws.choose(names)
        fitting = [place for place in free if _fits(parent, free, name, place, suffix)]
        if fitting:
            place = draws.choose(fitting)
            free[place] -= 2 if name == "oxo" else 1
            found[name].append(place)
    return found


def _fits(parent: Parent, free: Mapping[int, int], name: str, place: int, suffix: str) -> bool:
    """Say whether a substituent can stand at a place without making another parent the senior one."""
    if free[place] < (2 if name == "oxo" else 1) or (name == "oxo" and parent.free[place] != 2):
        return False
    if place in parent.nitrogens:
        return name in _ON_NITROGEN
    if parent.kind != "chain":
        return name != "oxo" or parent.kind == "cyclo"
    if name in _RINGS:
        return bool(suffix)
    return _CARBONS.get(name, 0) <= min(place - 1, len(free) - place)


def write_name(
    parent: Parent,
    bonds: Sequence[tuple[int, int, str]],
    suffix: str,
    places: Sequence[int],
    substituents: Substituents,
) -> str:
    """Return the name of a molecule, numbered by the rules.

    Args:
        parent: The skeleton.
        bonds: Its multiple bonds, as places of its own numbering.
        suffix: Its ending, or nothing.
        places: Where the ending stands.
        substituents: Where each substituent stands; at `ON_ENDING` it is on the nitrogen of an amine or an amide.

    Examples:
        >>> write_name(CHAINS[5], [], "ol", [4], {"chloro": [6], "methyl": [2, 2]})
        '1-chloro-5,5-dimethylhexan-3-ol'
        >>> write_name(BENZENE, [], "", [], {"nitro": [3], "chloro": [4], "methyl": [6]})
        '2-chloro-4-methyl-1-nitrobenzene'
    """
    cited = in_order(substituents)
    numbered = []
    for way in parent.symmetries:
        ends = [(sorted((way[one], way[other])), kind) for one, other, kind in bonds]
        if any(high - low != 1 for (low, high), _ in ends):  # a ring's bond from the last place to the first
            continue
        multiple = sorted((low, kind) for (low, _), kind in ends)
        ending = sorted(way[place] for place in places)
        by_name = [sorted(way.get(place, ON_ENDING) for place in substituents[name]) for name in cited]
        prefixes = sorted(place for of_name in by_name for place in of_name)
        numbered.append((ending, multiple, prefixes, by_name))
    ending, multiple, prefixes, by_name = min(numbered)
    bare = parent.name in ("methane", "methanol") or (len(parent.free) == 1)
    alone = len(prefixes) == 1 and not suffix and not bonds
    hidden = bare or (alone and (parent.kind in ("cyclo", "benzene") or parent.name == "ethane"))
    written = [
        _write_prefix(name, [place for place in locants if not (hidden and place)], len(locants))
        for name, locants in zip(cited, by_name, strict=True)
    ]
    name = name_parent(parent, multiple, suffix, ending, has_prefixes=bool(cited))
    if parent.name.startswith("1H-") and 1 in prefixes:
        name = name.removeprefix("1H-")
    return str(Parts("", tuple(written), name))


def _write_prefix(name: str, locants: Sequence[int], number: int) -> Prefix:
    """Return a substituent with its locants and multiplier: `bis(trifluoromethyl)`, `di(propan-2-yl)`."""
    multiplier = MULTIPLIERS[number - 1]
    if number > 1 and name in _SEPARATE:
        name = f"({name})"
    if number > 1 and name.startswith("(") and name != "(propan-2-yl)":
        multiplier = OF_COMPLEX[number - 1]
    return Prefix(",".join(str(place) if place else "N" for place in locants), multiplier, name)
