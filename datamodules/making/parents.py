"""Chains and rings to enumerate: their places, what is free there, their symmetries, and their names with an ending."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

STEMS = ("meth", "eth", "prop", "but", "pent", "hex", "hept", "oct", "non", "dec")
_CHAIN_ENDINGS = {"acid": "oic acid", "amide": "amide", "nitrile": "nitrile", "al": "al", "one": "one", "ol": "ol",
                  "thiol": "thiol", "amine": "amine"}  # fmt: skip
_RING_ENDINGS = {"acid": "carboxylic acid", "amide": "carboxamide", "nitrile": "carbonitrile", "al": "carbaldehyde",
                 "one": "one", "ol": "ol", "thiol": "thiol", "amine": "amine"}  # fmt: skip
_BENZENES = {"": "benzene", "acid": "benzoic acid", "amide": "benzamide", "nitrile": "benzonitrile", "al": "benzaldehyde",
             "ol": "phenol", "thiol": "benzenethiol", "amine": "aniline"}  # fmt: skip
_RETAINED = {"ethanoic acid": "acetic acid", "ethanamide": "acetamide", "ethanenitrile": "acetonitrile",
             "ethanal": "acetaldehyde", "methanoic acid": "formic acid", "methanamide": "formamide",
             "methanal": "formaldehyde"}  # fmt: skip
MULTIPLIERS = ("", "di", "tri", "tetra")
"""How often a simple word stands: once, twice, ..."""
OF_COMPLEX = ("", "bis", "tris", "tetrakis")
"""The same of a word in brackets."""
TERMINAL = ("acid", "amide", "nitrile", "al")
"""Endings whose carbon ends a chain, or hangs on a ring."""


class Parent(NamedTuple):
    """A skeleton."""

    name: str
    """`hexane`, `cyclohexane`, `pyridine`, `1H-indole`."""
    kind: str
    """`chain`, `cyclo`, `benzene` or `hetero`."""
    free: dict[int, int]
    """How many hydrogens each place has, by its locant."""
    symmetries: tuple[dict[int, int], ...]
    """The ways to number it: the new locant of each."""
    nitrogens: tuple[int, ...] = ()
    """Places on nitrogen."""


def chain(length: int) -> Parent:
    """Return the chain of so many carbons."""
    free = (
        {place: 3 if place in (1, length) else 2 for place in range(1, length + 1)} if length > 1 else {1: 4}
    )
    there = {place: place for place in free}
    return Parent(
        f"{STEMS[length - 1]}ane", "chain", free, (there, {place: length + 1 - place for place in free})
    )


def ring(size: int, name: str, kind: str, free: int) -> Parent:
    """Return a ring of carbons that are all alike.

    Examples:
        >>> len(ring(6, "benzene", "benzene", 1).symmetries)
        12
    """
    places = range(size)
    turned = [{place + 1: (place + turn) % size + 1 for place in places} for turn in places]
    mirrored = [{place + 1: (turn - place) % size + 1 for place in places} for turn in places]
    return Parent(name, kind, {place + 1: free for place in places}, (*turned, *mirrored))


def _hetero(name: str, places: str, swaps: Sequence[str] = (), free: int = 1, nitrogens: str = "") -> Parent:
    """Return a heterocycle; a swap `26 35` says which places change in another numbering."""
    there = {int(place): int(place) for place in places}
    ways = [there]
    for pairs in swaps:
        way = dict(there)
        for one, other in (map(int, pair) for pair in pairs.split()):
            way[one], way[other] = other, one
        ways.append(way)
    on_nitrogen = tuple(map(int, nitrogens))
    hydrogens = {place: 1 if place in on_nitrogen else free for place in there}
    return Parent(name, "hetero", hydrogens, tuple(ways), on_nitrogen)


CHAINS = tuple(chain(length) for length in range(1, len(STEMS) + 1))
CYCLOS = tuple(ring(size, f"cyclo{STEMS[size - 1]}ane", "cyclo", 2) for size in range(3, 9))
BENZENE = ring(6, "benzene", "benzene", 1)
HETEROCYCLES = (
    _hetero("pyridine", "23456", ["26 35"]),
    _hetero("pyrimidine", "2456", ["46"]),
    _hetero("pyrazine", "2356", ["26 35", "23 56", "25 36"]),
    _hetero("pyridazine", "3456", ["36 45"]),
    _hetero("furan", "2345", ["25 34"]),
    _hetero("thiophene", "2345", ["25 34"]),
    _hetero("1H-pyrrole", "12345", ["25 34"], nitrogens="1"),
    _hetero("1H-imidazole", "1245", nitrogens="1"),
    _hetero("1H-pyrazole", "1345", nitrogens="1"),
    _hetero("1,3-thiazole", "245"),
    _hetero("1,3-oxazole", "245"),
    _hetero("1H-indole", "1234567", nitrogens="1"),
    _hetero("quinoline", "2345678"),
    _hetero("isoquinoline", "1345678"),
    _hetero("naphthalene", "12345678", ["18 27 36 45", "14 23 58 67", "15 26 37 48"]),
    _hetero("piperidine", "123456", ["26 35"], 2, "1"),
    _hetero("pyrrolidine", "12345", ["25 34"], 2, "1"),
    _hetero("azetidine", "1234", ["24"], 2, "1"),
    _hetero("morpholine", "23456", ["26 35"], 2, "4"),
    _hetero("piperazine", "123456", ["26 35", "14 23 56", "14 25 36"], 2, "14"),
    _hetero("oxolane", "2345", ["25 34"], 2),
    _hetero("oxane", "23456", ["26 35"], 2),
)  # fmt: skip


def end(stem: str, ending: str, locants: Sequence[int], shown: bool) -> str:
    """Return a hydride's name with an ending: `propane`, `ol`, (2,) -> `propan-2-ol`.

    Args:
        stem: A name that may end with e.
        ending: `ol`, `carboxylic acid`, ...; nothing for the hydride itself.
        locants: Where the ending stands, once or twice.
        shown: Whether its locants are written.

    Examples:
        >>> end("propane", "ol", (1, 2), True), end("furan", "carboxylic acid", (2,), True), end("hexane", "nitrile", (1,), False)
        ('propane-1,2-diol', 'furan-2-carboxylic acid', 'hexanenitrile')
    """
    if not ending:
        return stem
    ending = f"di{ending}" if len(locants) == 2 else ending
    if ending[0] in "aeiou":
        stem = stem.removesuffix("e")
    middle = f"-{','.join(map(str, locants))}-" if shown else ""
    return f"{stem}{middle}{ending}"


def name_parent(
    parent: Parent,
    bonds: Sequence[tuple[int, str]],
    suffix: str,
    locants: Sequence[int],
    *,
    has_prefixes: bool,
) -> str:
    """Return the name of a parent with its double and triple bonds and its ending.

    Args:
        parent: The skeleton.
        bonds: The lower locant and `en` or `yn` of each multiple bond; all of one kind.
        suffix: A key of the endings, or nothing.
        locants: Where the ending stands.
        has_prefixes: Whether it carries substituents, so that locants are needed.

    Examples:
        >>> name_parent(CHAINS[3], [(3, "en")], "one", (2,), has_prefixes=False)
        'but-3-en-2-one'
        >>> [name_parent(CYCLOS[3], [], "ol", (1,), has_prefixes=found) for found in (False, True)]
        ['cyclohexanol', 'cyclohexan-1-ol']
    """
    if parent.kind == "benzene":
        return _BENZENES[suffix]
    stem = parent.name
    if bonds:
        places, kind = ",".join(str(place) for place, _ in bonds), bonds[0][1]
        hidden = parent.name == "ethane" or (parent.kind == "cyclo" and len(bonds) == 1 and not suffix)
        vowel = "a" if len(bonds) == 2 else ""
        many = "di" if len(bonds) == 2 else ""
        stem = stem.removesuffix("ane") + (
            f"{vowel}{many}{kind}e" if hidden else f"{vowel}-{places}-{many}{kind}e"
        )
    if parent.kind == "chain":
        shown = suffix not in TERMINAL and (len(parent.free) > 2 or len(locants) > 1)
        name = end(stem, _CHAIN_ENDINGS.get(suffix, ""), locants, shown)
        return _RETAINED.get(name, name)
    shown = parent.kind != "cyclo" or has_prefixes or bool(bonds) or len(locants) > 1
    return end(stem, _RING_ENDINGS.get(suffix, ""), locants, shown)
