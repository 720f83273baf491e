"""Names of chains and rings with any substituents of `groups`: `3-methylsulfanyloxypyrrolidine`, `2-iodo-N-methylethanamine`."""

from __future__ import annotations

from collections import defaultdict

from datamodules.making.draws import Draws
from datamodules.making.groups import RANKS, bracket, draw_group
from datamodules.making.hetero_rings import draw_ring
from datamodules.making.parents import BENZENE, CHAINS, CYCLOS, HETEROCYCLES, Parent
from datamodules.making.small_molecules import ON_ENDING, SENIORITY, draw_bonds, draw_suffix, write_name
from datamodules.notations.naming.prefixes import nest_brackets

_ON_NITROGEN = ("amine", "amide")
_MOST_CARBONS = 6


def draw_linked(draws: Draws) -> str | None:
    """Return the name of a drawn molecule, or None if what was drawn does not fit together."""
    parent = _draw_parent(draws)
    free = dict(parent.free)
    bonds = draw_bonds(parent, free, draws)
    suffix = draws.choose((*SENIORITY, "amine", "amine", "", "", "", ""))
    places = draw_suffix(parent, free, suffix, draws)
    if places is None or (parent.kind == "benzene" and suffix in ("al", "one")):
        return None
    limit = RANKS.get(suffix, 0)
    found: dict[str, list[int]] = defaultdict(list)
    if suffix in _ON_NITROGEN and len(places) == 1 and draws.chance(0.5):
        for _ in range(draws.choose((1, 1, 2))):
            found[bracket(draw_group(draws, limit, draws.choose((0, 0, 1)), on_carbon=False))].append(
                ON_ENDING
            )
    for _ in range(draws.choose((0, 1, 1, 1, 2, 2, 3))):
        fitting = [place for place in free if free[place] > 0]
        if fitting:
            place = draws.choose(fitting)
            free[place] -= 1
            carbon = place not in parent.nitrogens
            group = draw_group(
                draws, limit, draws.choose((0, 1, 1, 2)), on_carbon=carbon, alkyl=parent.kind != "chain"
            )
            found[bracket(group)].append(place)
    if any(len(of_one) > 3 for of_one in found.values()):
        return None
    return nest_brackets(write_name(parent, bonds, suffix, places, found))


def _draw_parent(draws: Draws) -> Parent:
    """Return a small chain or ring; half of them have heteroatoms."""
    share = draws.below(100)
    if share < 45:
        return draw_ring(draws)
    if share < 75:
        return draws.choose(CHAINS[:_MOST_CARBONS])
    return draws.choose(CYCLOS[:4]) if share < 85 else draws.choose((BENZENE, *HETEROCYCLES))
