"""Read anybody's table without losing or crashing on a row: one module a format, found by the file's ending.

A row that cannot be used is set aside with its line and the reason; kept + set aside = all rows. A file that cannot be read
at all (no such format) is a ValueError. What is decided about a file (its encoding, that it has no header) is a note.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from datamodules.sources.rows import Rows
from datamodules.sources.tables import delimited, jsonl, parquet, xlsx
from datamodules.sources.tables.options import TableOptions


def _read_sdf(path: Path, options: TableOptions) -> Rows:
    from datamodules.sources.tables import sdf  # needs RDKit, as other formats do not

    return sdf.read(path, options)


def _read_smi(path: Path, options: TableOptions) -> Rows:
    from datamodules.sources.tables import smi  # needs it, too

    return smi.read(path, options)


_READERS: dict[str, Callable[[Path, TableOptions], Rows]] = {
    ".csv": delimited.read,
    ".tsv": delimited.read,
    ".txt": delimited.read,
    ".smi": _read_smi,
    ".smiles": _read_smi,
    ".sdf": _read_sdf,
    ".xlsx": xlsx.read,
    ".jsonl": jsonl.read,
}
_HAVE_THEIR_OWN_COMPRESSION: dict[str, Callable[[Path, TableOptions], Rows]] = {".parquet": parquet.read}
SUFFIXES = (*_READERS, *(f"{suffix}.gz" for suffix in _READERS), *_HAVE_THEIR_OWN_COMPRESSION)
"""Endings of the files that can be read."""


def strip_suffix(name: str) -> str:
    """Return a file's name without the ending of a table.

    >>> strip_suffix("mols.2.CSV.gz"), strip_suffix("mols")
    ('mols.2', 'mols')
    """
    found = [suffix for suffix in SUFFIXES if name.lower().endswith(suffix)]
    return name[: -len(max(found, key=len))] if found else name


def load(path: Path, options: TableOptions | None = None) -> Rows:
    """Return the rows of a file.

    Args:
        path: A file with one of `SUFFIXES`.
        options: What the user says about the file; nothing by default.

    Raises:
        ValueError: If the file is missing, empty, without a usable header, or of another format.
    """
    readers = {**_READERS, **_HAVE_THEIR_OWN_COMPRESSION}
    return readers[check_file(path)](path, options or TableOptions())


def check_file(path: Path) -> str:
    """Return the ending that tells the format of a file, without .gz.

    Raises:
        ValueError: If the file is missing, empty, or of no format that can be read.
    """
    name = path.name.lower()
    if not name.endswith(SUFFIXES):
        raise ValueError(f"{path}: expected a file that ends in {', '.join(SUFFIXES)}.")
    if not path.is_file():
        raise ValueError(
            f"{path}: expected a file, but there is none: check --data.source and the working folder."
        )
    if path.stat().st_size == 0:
        raise ValueError(f"{path}: expected a table, but the file is empty.")
    return Path(name.removesuffix(".gz")).suffix
