"""The columns of a source from its first rows, so that a mistyped name is told before anything is made."""

from __future__ import annotations

import gzip
import tempfile
import zlib
from pathlib import Path
from typing import NamedTuple

from datamodules.sources.lookup import BUILT_IN, download, find_built_in, no_such_source
from datamodules.sources.many_files import check_protocol, find_files, is_address, names_many
from datamodules.sources.rows import Rows
from datamodules.sources.tables import parquet, read
from datamodules.sources.tables.header import SAMPLE
from datamodules.sources.tables.options import TableOptions

HEAD_BYTES = 1 << 18
"""How much of a text file is looked at."""
_LARGEST_SHEET = 1 << 20
"""Bytes of the largest .xlsx file that is read whole for this."""
_MORE_COLUMNS_BELOW = (".jsonl", ".sdf")
"""Formats in which a row further down can have a column that the first ones lack."""


class Head(NamedTuple):
    """What is known of a source after a look at its first rows."""

    file: str
    """The source as the user named it."""
    columns: list[str]
    all_columns: bool
    """Whether no row further down can have others."""
    has_rows: bool
    notes: tuple[str, ...] = ()
    """What was decided about the file, for people."""


def read_head(name_or_path: str, options: TableOptions | None = None, *, fetch: bool = True) -> Head | None:
    """Return a source's columns, or None if only reading all of it tells them.

    Args:
        name_or_path: See `lookup.load_source`.
        options: What the user says about a file.
        fetch: Whether a file on the Hub or at an address may be downloaded.

    Raises:
        ValueError: If there is no such source, or it cannot be read at all.
    """
    if name_or_path in BUILT_IN:
        path = getattr(find_built_in(name_or_path), "path", None)
        return None if path is None or not path.is_file() else _head_of_parquet(name_or_path, path)
    if names_many(name_or_path):
        return _head_of_many(name_or_path, options, fetch)
    on_hub = name_or_path.startswith("hf://")
    if on_hub and not fetch:
        return None
    path = download(name_or_path) if on_hub else Path(name_or_path).expanduser()
    if not on_hub and not path.is_file():
        raise no_such_source(name_or_path)
    suffix = read.check_file(path)
    if suffix == ".parquet":
        return _head_of_parquet(name_or_path, path)
    if suffix == ".xlsx":
        small = path.stat().st_size <= _LARGEST_SHEET
        return _describe(name_or_path, read.load(path, options), True) if small else None
    return _head_of_text(name_or_path, path, suffix, options)


def _head_of_many(name: str, options: TableOptions | None, fetch: bool) -> Head | None:
    """Return the columns of the first file that has a row; of files elsewhere only if they may be fetched."""
    if is_address(name):
        check_protocol(name)
        if not fetch:
            return None
    head = None
    for file in find_files(name):
        head = read_head(str(file.path), options, fetch=fetch)
        if head is None or head.has_rows:
            break
    return None if head is None else head._replace(file=name)


def _head_of_parquet(name: str, path: Path) -> Head:
    file = parquet.open_file(path)
    return Head(name, list(file.schema_arrow.names), True, file.metadata.num_rows > 0)


def _head_of_text(name: str, path: Path, suffix: str, options: TableOptions | None) -> Head | None:
    """Return the columns of a text file from its first bytes, read by the reader of its format."""
    start, whole = _read_start(path)
    if whole:
        return _describe(name, read.load(path, options), True)
    end = start.rfind(b"$$$$") + len(b"$$$$") if suffix == ".sdf" else start.rfind(b"\n")
    if end <= len(b"$$$$"):
        return None
    # In UTF-16 the line feed's other byte may follow.
    start = start[: end + 1 + ((end + 1) % 2 if b"\0" in start[:SAMPLE] else 0)]
    with tempfile.TemporaryDirectory() as folder:
        part = Path(folder) / f"head{suffix}"
        part.write_bytes(start)
        try:
            rows = read.load(part, options)
        except ValueError as error:
            raise ValueError(str(error).replace(str(part), name)) from error
    if rows.total <= SAMPLE:
        return None  # of more rows, the header might be another
    return _describe(name, rows, suffix not in _MORE_COLUMNS_BELOW)


def _read_start(path: Path) -> tuple[bytes, bool]:
    """Return the first bytes of a file, decompressed, and whether they are all; a damaged file counts as read whole."""
    opened = gzip.open if path.name.lower().endswith(".gz") else open
    try:
        with opened(path, "rb") as file:
            start = bytes(file.read(HEAD_BYTES))
            return start, len(start) < HEAD_BYTES
    except (EOFError, zlib.error, gzip.BadGzipFile):
        return b"", True


def _describe(name: str, rows: Rows, all_columns: bool) -> Head:
    return Head(name, rows.table.column_names, all_columns, rows.total > 0, rows.notes)
