"""The built-in data set: about 110,000 molecules with names that OPSIN reads as exactly them.

Columns: `inchikey`, `smiles` (RDKit canonical, isomeric), `iupac` (the conventional name), `synonyms` (a list of other
verified names), `formula` (Hill order), `source` (`chemicals`, `ccd` or `b3db`), `has_stereo`, `components`. The rows are
sorted by InChIKey. `data/PROVENANCE.md` tells how they were made and under which licences; `build_pubchem.py` makes them.
"""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq

from datamodules.sources.rows import Rows, built_in

PATH = Path(__file__).parent / "data" / "pubchem.parquet"


def load() -> Rows:
    """Return all rows; every molecule and name was checked when the file was built.

    Raises:
        ValueError: If the data file is missing.
    """
    if not PATH.is_file():
        raise ValueError(
            f"Expected the built-in data at {PATH}, but it is not there: check it out again or run `make data`."
        )
    return built_in("pubchem", pq.read_table(PATH))
