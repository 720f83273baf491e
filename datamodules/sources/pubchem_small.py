"""The small molecules of the built-in data: what a small model can learn to name in minutes on a laptop.

Columns as in `pubchem`; the rows are those with one component, a SMILES of at most 15 characters and a name of at
most 40.
"""

from __future__ import annotations

import pyarrow.compute as pc

from datamodules.sources.rows import Rows, built_in
from datamodules.sources.shipped import PUBCHEM

path = PUBCHEM.path
MOST_SMILES_CHARACTERS = 15
MOST_NAME_CHARACTERS = 40


def load() -> Rows:
    """Return the small molecules, in the order of `pubchem`.

    Raises:
        ValueError: If the data file is missing.
    """
    table = PUBCHEM.load().table
    small = pc.and_(
        pc.less_equal(pc.utf8_length(table["smiles"]), MOST_SMILES_CHARACTERS),
        pc.less_equal(pc.utf8_length(table["iupac"]), MOST_NAME_CHARACTERS),
    )
    return built_in("pubchem_small", table.filter(pc.and_(small, pc.equal(table["components"], 1))))
