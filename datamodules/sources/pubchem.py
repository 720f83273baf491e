"""The built-in data set: about 110,000 molecules with names that OPSIN reads as exactly them.

Columns: `inchikey`, `smiles` (RDKit canonical, isomeric), `iupac` (the conventional name), `synonyms` (a list of other
verified names), `formula` (Hill order), `source` (`chemicals`, `ccd` or `b3db`), `has_stereo`, `components`. The rows are
sorted by InChIKey. `data/PROVENANCE.md` tells how they were made and under which licences; `building` makes them.
"""

from __future__ import annotations

from pathlib import Path

from datamodules.sources.rows import Rows, read_built_in

PATH = Path(__file__).parent / "data" / "pubchem.parquet"


def load() -> Rows:
    """Return all rows; every molecule and name was checked when the file was built.

    Raises:
        ValueError: If the data file is missing.
    """
    return read_built_in("pubchem", PATH)
