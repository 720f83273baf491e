"""Of `recombined`, one name a molecule: the preferred one, and none where the built-in data have a name (SMILES -> name)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from pathlib import Path

from datamodules.notations.naming.preferred import choose_preferred
from datamodules.notations.naming.prefixes import is_alphabetical
from datamodules.sources import recombined
from datamodules.sources.rows import Rows, built_in
from datamodules.sources.shipped import PUBCHEM


def files() -> list[Path]:
    """Return the file that is read."""
    return recombined.files()


def keep_preferred(inchikeys: Sequence[str], names: Sequence[str], known: Collection[str] = ()) -> list[int]:
    """Return the places of the rows to keep, in order: of each molecule's names the preferred one.

    A molecule that is known has a name already, and one without a name in alphabetical order gets none.

    Args:
        inchikeys: (N,) InChIKeys.
        names: (N,) names.
        known: InChIKeys of molecules that need no name.

    Examples:
        >>> keep_preferred(["a", "b", "a"], ["2-methyl-4-chlorophenol", "butane", "4-chloro-2-methylphenol"], ["b"])
        [2]
    """
    places: dict[str, dict[str, int]] = defaultdict(dict)
    for place, (inchikey, name) in enumerate(zip(inchikeys, names, strict=True)):
        if inchikey not in known:
            places[inchikey].setdefault(name, place)
    chosen = (of_one[choose_preferred(of_one)] for of_one in places.values())
    return sorted(place for place in chosen if is_alphabetical(names[place]))


def load() -> Rows:
    """Return one made row a molecule.

    Raises:
        ValueError: If no rows were made yet.
    """
    table = recombined.read_table()
    known = frozenset(PUBCHEM.load().table["inchikey"].to_pylist())
    kept = keep_preferred(table["inchikey"].to_pylist(), table["iupac"].to_pylist(), known)
    return built_in("recombined_preferred", table.take(kept))
