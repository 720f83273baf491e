"""Solubilities of molecules in water: AqSolDB, a regression.

Columns: `inchikey`, `smiles` (canonical) and `log_s` (the decimal logarithm of the solubility in mol/l, to hundredths). The
rows are sorted by InChIKey. `data/PROVENANCE.md` tells where they come from, and `building` makes them.
"""

from __future__ import annotations

from pathlib import Path

from datamodules.sources.rows import Rows, read_built_in

PATH = Path(__file__).parent / "data" / "aqsoldb.parquet"


def load() -> Rows:
    """Return the molecules; each was checked when the file was built.

    Raises:
        ValueError: If the data file is missing.
    """
    return read_built_in("aqsoldb", PATH)
