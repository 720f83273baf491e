"""Reactions made from our molecules by the rules of named reactions; nobody carried them out.

Columns: `inchikey` (of the product), `name` (of the reaction), `reactants`, `reagents` (empty where none is needed) and
`product` as SMILES, and `reaction`, the three with `>` between them. The rows are sorted by InChIKey and name. Applied to
the reactants, the reaction's rule gives the product and nothing else. `data/PROVENANCE.md` tells where they come from, and
`building` makes them.
"""

from __future__ import annotations

from pathlib import Path

from datamodules.sources.rows import Rows, read_built_in

PATH = Path(__file__).parent / "data" / "reactions.parquet"


def load() -> Rows:
    """Return the reactions; each was checked when the file was built.

    Raises:
        ValueError: If the data file is missing.
    """
    return read_built_in("reactions", PATH)
