"""Names of small molecules of many heteroatoms by rules: silanes, phosphanes, hydrazines, amines, esters of small acids."""

from __future__ import annotations

from typing import NamedTuple

from datamodules.making.draws import Draws
from datamodules.making.groups import RANKS, cite, cite_with_locants, draw_group
from datamodules.notations.naming.prefixes import nest_brackets


class Hydride(NamedTuple):
    """A parent without carbon chains of its own, or one that nitrogen ends."""

    name: str
    rank: int
    places: tuple[str, ...]
    """Its hydrogens by locant; an empty locant is not written."""


def _plain(name: str, hydrogens: int, rank: str = "") -> Hydride:
    return Hydride(name, RANKS.get(rank or name, 0), ("",) * hydrogens)


_PLAIN = (
    _plain("silane", 4), _plain("silane", 4), _plain("germane", 4), _plain("stannane", 4), _plain("phosphane", 3),
    _plain("phosphane", 3), _plain("arsane", 3), _plain("stibane", 3), _plain("borane", 3), _plain("borane", 3),
    _plain("boron", 2, "borane"), _plain("silicon", 1, "silane"), _plain("arsenic", 1, "arsane"),
    _plain("methane", 4), _plain("methane", 4), _plain("methane", 4), _plain("diazene", 2), _plain("hydrazine", 1),
    _plain("methanol", 3, "ol"), _plain("methanethiol", 3, "thiol"), _plain("methanamine", 3, "amine"),
)  # fmt: skip
_NUMBERED = (
    Hydride("hydrazine", RANKS["hydrazine"], ("1", "1", "2", "2")),
    Hydride("disilane", RANKS["silane"], ("1", "1", "1", "2", "2", "2")),
    Hydride("hydroxylamine", RANKS["hydrazine"], ("N", "N", "O")),
    Hydride("hydroxylamine", RANKS["hydrazine"], ("N", "N", "O")),
    Hydride("thiohydroxylamine", RANKS["hydrazine"], ("N", "N", "S")),
    Hydride("methanamine", RANKS["amine"], ("N", "N", "1", "1", "1")),
    Hydride("ethanamine", RANKS["amine"], ("N", "N", "1", "2", "2")),
    Hydride("methanediamine", RANKS["amine"], ("N", "N", "N'", "1")),
    Hydride("methanimine", RANKS["amine"], ("N", "1", "1")),
    Hydride("ethanimine", RANKS["amine"], ("N", "1", "2")),
    Hydride("methanimidamide", RANKS["amide"], ("N", "N", "N'")),
    Hydride("ethanimidamide", RANKS["amide"], ("N", "N", "N'", "2")),
    Hydride("formamide", RANKS["amide"], ("N", "N")),
    Hydride("acetamide", RANKS["amide"], ("N", "N", "2")),
)
_TURNED = ("hydrazine", "disilane")
"""Parents that can be numbered from either end."""
_ACIDS = ("formate", "acetate", "propanoate", "carbamate", "nitrite", "nitrate", "cyanate", "thiocyanate", "hypofluorite",
          "hypochlorite", "hypobromite", "hypoiodite", "thiohypofluorite", "thiohypochlorite", "thiohypobromite",
          "methanimidate", "carbonochloridate", "methanesulfonate")  # fmt: skip


def draw_hydride(draws: Draws) -> str | None:
    """Return the name of a drawn molecule, or None if what was drawn does not fit together."""
    share = draws.below(100)
    if share < 12:
        group = draw_group(draws, RANKS["amide"], 2, on_carbon=False)
        return nest_brackets(f"{group} {draws.choose(_ACIDS)}") if group.endswith("yl") else None
    return nest_brackets(_draw_plain(draws) if share < 60 else _draw_numbered(draws))


def _draw_plain(draws: Draws) -> str:
    """Return a parent whose substituents need no locants."""
    parent = draws.choose(_PLAIN)
    carbon = parent.name.startswith("methan")
    many = min(len(parent.places), draws.choose((1, 1, 2, 2, 2, 3)))
    groups = [
        draw_group(draws, parent.rank, draws.choose((0, 1, 1, 2)), on_carbon=carbon, alkyl=not carbon)
        for _ in range(many)
    ]
    return cite(groups, parent.name)


def _draw_numbered(draws: Draws) -> str:
    """Return a parent whose substituents have locants."""
    parent = draws.choose(_NUMBERED)
    found: dict[str, list[str]] = {}
    for place in draws.take(parent.places, draws.choose((1, 1, 2, 2, 3))):
        carbon = place in ("1", "2") and parent.name.startswith(("meth", "eth", "acet"))
        group = draw_group(draws, parent.rank, draws.choose((0, 1, 1, 2)), on_carbon=carbon, alkyl=not carbon)
        found.setdefault(group, []).append(place)
    if parent.name in _TURNED:
        turned = {group: [{"1": "2", "2": "1"}[place] for place in places] for group, places in found.items()}
        found = min(
            found, turned, key=lambda one: sorted(place for places in one.values() for place in places)
        )
    for places in found.values():
        places.sort(key=lambda place: (place.isdigit(), place))
    if list(found.values()) == [["1"]] and parent.name in (*_TURNED, "methanamine"):
        return cite(list(found), parent.name)
    return cite_with_locants(found, parent.name)
