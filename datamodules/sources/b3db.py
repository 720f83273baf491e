"""Molecules and whether they cross the blood-brain barrier: B3DB, a classification.

Columns: `inchikey`, `smiles` (canonical), `label` (`crosses` or `stays out`) and `log_bb` (the logarithm of the ratio of the
concentrations in brain and blood, where it was measured, else empty). The rows are sorted by InChIKey. `data/PROVENANCE.md`
tells where they come from, and `building` makes them.
"""

from __future__ import annotations

from pathlib import Path

from datamodules.sources.rows import Rows, read_built_in

PATH = Path(__file__).parent / "data" / "b3db.parquet"


def load() -> Rows:
    """Return the molecules; each was checked when the file was built.

    Raises:
        ValueError: If the data file is missing.
    """
    return read_built_in("b3db", PATH)
