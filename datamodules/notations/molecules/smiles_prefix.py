"""Whether a text can be the beginning of a SMILES, by partialsmiles (N. O'Boyle), made as lenient as RDKit.

Source: https://github.com/baoilleach/partialsmiles. Its table of valences leaves out most metals, radicals and unusual
charges, which 2.9 % of the built-in molecules have (87 of 3,000): in brackets these are allowed here. It takes chlorine
and bromine with up to 7 bonds and aromatic atoms at the ends of chains, which RDKit does not: neutral atoms have as many
bonds as RDKit's table says, and aromatic ones at least two. (To ask for two aromatic bonds refused 3 of 6,000 molecules, as
partialsmiles takes `/` for no aromatic bond.)
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from partialsmiles import Error
from partialsmiles.smiparser import SmilesParser
from partialsmiles.valence import common_valencies
from rdkit import Chem

from datamodules.notations._checks import MAX_LENGTH

# Matters of style that RDKit reads: rings over dots, ring numbers after branches, aromatic bonds written. A last branch
# in parentheses, CC(C), is refused, as no canonical SMILES has one: so CC(C)(=O) is known not to go on.
_STYLE = 16 | 32 | 64
_FOREIGN = re.compile(r"[*>$\s]")  # wildcards and reactions are none of our molecules
# partialsmiles takes the first letter of Ge, As or Zn at the end of a text for an element of its own.
_HALF_ELEMENT = re.compile(r"\[(\d*)[A-IK-PR-Z]$")
_KEPT = 65_536


class _Parser(SmilesParser):
    """partialsmiles' parser with fewer rules for atoms in brackets."""

    def hasCommonValence(self, atom: Any, state: Any) -> bool:
        """Return whether an atom's bonds can be, or can become so while it is growing."""
        valence = self.getAdjustedExplicitValence(atom, state) + atom.implh
        limits = Chem.GetPeriodicTable().GetValenceList(atom.element)
        if atom.charge == 0 and -1 not in limits and valence > max(limits):
            return False
        growing = self.partial and atom in self.incompleteAtoms
        if atom.arom and not growing and len(atom.bonds) < 2:
            return False  # not in a ring
        if super().hasCommonValence(atom, state):
            return True
        if state.hcount[atom.idx] < 0:  # not in brackets
            return False
        known = common_valencies.get(atom.element, {}).get(atom.charge)
        return known is None or valence <= max(known)


@lru_cache(maxsize=_KEPT)
def may_go_on(text: str) -> bool:
    """Say whether a SMILES may begin with `text`; of `[G` too, for germanium. An empty text may."""
    if not text:
        return True
    if len(text) > MAX_LENGTH or _FOREIGN.search(text):
        return False
    return _parses(_HALF_ELEMENT.sub(r"[\1C", text), partial=True)


def is_whole(text: str) -> bool:
    """Say whether `text` parses as a whole SMILES."""
    return bool(text) and len(text) <= MAX_LENGTH and not _FOREIGN.search(text) and _parses(text, False)


def _parses(text: str, partial: bool) -> bool:
    try:
        _Parser(partial, _STYLE).parse(text)
    except (Error, IndexError):  # IndexError: partialsmiles looks for the neighbour of a bare oxygen
        return False
    return True
