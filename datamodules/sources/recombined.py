"""Names made from names (`patois recombined` makes them): columns inchikey, smiles, iupac, method, style."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from configs.lookup import find_cache_root
from configs.program import spell
from datamodules.sources.rows import Rows, built_in

FILE = "recombined.parquet"


def default_path() -> Path:
    """Return where the made file lies: in the folder of the caches.

    Raises:
        ValueError: If there is no such folder.
    """
    root = find_cache_root()
    if root is None:
        raise ValueError(
            "Expected a folder for made data, but this user has no home: set PATOIS_CACHE, or give --output."
        )
    return root / FILE


def files() -> list[Path]:
    """Return the file that is read, whether it is there or not."""
    return [default_path()]


def read_table() -> pa.Table:
    """Return the made rows.

    Raises:
        ValueError: If they were not made yet.
    """
    path = default_path()
    if not path.is_file():
        command = spell("recombined", "--rows", 200_000)
        raise ValueError(f"Expected made names at {path}, but there are none yet: run `{command}`.")
    return pq.read_table(path)


def load() -> Rows:
    """Return all made rows.

    Raises:
        ValueError: If they were not made yet.
    """
    return built_in("recombined", read_table())
