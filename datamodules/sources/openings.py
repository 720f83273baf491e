"""Chess openings: their moves, names and codes, from lichess; a classification without chemistry.

Columns: `moves` (`1. e4 c5 2. Nf3`), `name`, `family` (the name's first part), `eco` (the code of the Encyclopaedia of Chess
Openings, `B50`) and `volume` (its letter, A to E). The rows are sorted by their moves, and no two have the same.
`data/PROVENANCE.md` tells where they come from, and `building` makes them.
"""

from __future__ import annotations

from pathlib import Path

from datamodules.sources.rows import Rows, read_built_in

PATH = Path(__file__).parent / "data" / "openings.parquet"


def load() -> Rows:
    """Return the openings.

    Raises:
        ValueError: If the data file is missing.
    """
    return read_built_in("openings", PATH)
