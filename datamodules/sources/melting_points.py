"""Melting points of molecules: the Open Notebook melting points, a regression.

Columns: `inchikey`, `smiles` (canonical) and `celsius` (in degrees Celsius, to tenths). The rows are sorted by InChIKey.
`data/PROVENANCE.md` tells where they come from, and `building` makes them.
"""

from __future__ import annotations

from pathlib import Path

from datamodules.sources.rows import Rows, read_built_in

PATH = Path(__file__).parent / "data" / "melting_points.parquet"


def load() -> Rows:
    """Return the molecules; each was checked when the file was built.

    Raises:
        ValueError: If the data file is missing.
    """
    return read_built_in("melting_points", PATH)
