"""Saturated rings with heteroatoms, named by Hantzsch and Widman: `1,3-oxathiolane`, `1,2,4-triazepane`.

Source: IUPAC, Nomenclature of Organic Chemistry (2013), P-22.2.2.
"""

from __future__ import annotations

from collections.abc import Sequence

from datamodules.making.draws import Draws
from datamodules.making.parents import MULTIPLIERS, Parent, ring

ELEMENTS = ("oxa", "thia", "selena", "aza", "phospha", "arsa", "sila", "bora")
"""The most senior first."""
_FREE = {"oxa": 0, "thia": 0, "selena": 0, "aza": 1, "phospha": 1, "arsa": 1, "sila": 2, "bora": 1, "": 2}
_DRAWN = (
    "oxa",
    "oxa",
    "oxa",
    "thia",
    "thia",
    "thia",
    "aza",
    "aza",
    "aza",
    "aza",
    "phospha",
    "sila",
    "bora",
    "selena",
    "arsa",
)
_SIZES = (3, 3, 4, 4, 5, 5, 5, 6, 6, 7)
_ENDINGS = {3: ("irane", "iridine"), 4: ("etane", "etidine"), 5: ("olane", "olidine"), 7: ("epane", "epane")}
_INANE = ("aza", "sila", "phospha", "arsa", "bora")
"""Six-membered rings whose last word is one of these end in inane; after O, S or Se it is ane."""
_RETAINED = {"azolidine": "pyrrolidine", "azinane": "piperidine", "1,2-diazolidine": "pyrazolidine",
             "1,3-diazolidine": "imidazolidine", "1,4-diazinane": "piperazine", "1,4-oxazinane": "morpholine",
             "1,4-thiazinane": "thiomorpholine"}  # fmt: skip


def draw_ring(draws: Draws) -> Parent:
    """Return a ring with one to three heteroatoms."""
    size = draws.choose(_SIZES)
    number = min(draws.choose((1, 1, 2, 2, 3)), size - 1)
    places = draws.take(range(size), number)
    atoms = ["" for _ in range(size)]
    for place in places:
        atoms[place] = draws.choose(_DRAWN)
    return name_ring(atoms)


def name_ring(atoms: Sequence[str]) -> Parent:
    """Return a saturated ring: its name, its free places and the ways to number it.

    Args:
        atoms: A word of `ELEMENTS` for each heteroatom around the ring, nothing for carbon.

    Examples:
        >>> [name_ring(atoms).name for atoms in (["", "thia", "", "", "oxa"], ["aza", "", ""], ["", "aza", "", "", "oxa", ""])]
        ['1,3-oxathiolane', 'aziridine', 'morpholine']
    """
    ways = [sorted(way, key=way.__getitem__) for way in ring(len(atoms), "", "hetero", 0).symmetries]
    keyed = [(_number([atoms[place - 1] for place in way]), way) for way in ways]
    lowest = min(key for key, _ in keyed)
    best = [way for key, way in keyed if key == lowest]
    numbered = [atoms[place - 1] for place in best[0]]
    locants = {place: locant for locant, place in enumerate(best[0], 1)}
    symmetries = tuple({locants[place]: locant for locant, place in enumerate(way, 1)} for way in best)
    free = {locant: _FREE[atom] for locant, atom in enumerate(numbered, 1) if _FREE[atom]}
    nitrogens = tuple(
        locant for locant, atom in enumerate(numbered, 1) if atom not in ("", "oxa", "thia", "selena")
    )
    return Parent(_write(numbered), "hetero", free, symmetries, nitrogens)


def _number(numbered: Sequence[str]) -> tuple[list[int], list[tuple[int, int]]]:
    """Return what makes a numbering the right one: the most senior atom first, then all low, then the senior ones low."""
    places = [place for place, atom in enumerate(numbered) if atom]
    by_rank = sorted((ELEMENTS.index(numbered[place]), place) for place in places)
    return [by_rank[0][1], *places], by_rank


def _write(numbered: Sequence[str]) -> str:
    """Return a numbered ring's name."""
    size = len(numbered)
    text, locants = "", list[int]()
    last = ""
    for element in ELEMENTS:
        found = [place for place, atom in enumerate(numbered, 1) if atom == element]
        if not found:
            continue
        word = MULTIPLIERS[len(found) - 1] + element
        text = (text.removesuffix("a") if word[0] in "aeiou" else text) + word
        locants += found
        last = element
    ending = _ENDINGS[size]["aza" in numbered] if size != 6 else "inane" if last in _INANE else "ane"
    name = text.removesuffix("a") + ending
    if len(locants) > 1:
        name = f"{','.join(map(str, locants))}-{name}"
    return _RETAINED.get(name, name)
