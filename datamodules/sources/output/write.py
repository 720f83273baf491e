"""Write a table with answers: the user's own columns, then ours."""

from __future__ import annotations

import gzip
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from datamodules.sources.lookup import BUILT_IN, download
from datamodules.sources.output.names import find_suffix, free_names, strip_gz
from datamodules.sources.output.text import Records, write_delimited, write_jsonl
from datamodules.sources.output.typed import append_columns, own_values, write_parquet, write_xlsx
from datamodules.sources.rows import Rows
from datamodules.sources.tables.options import TableOptions
from datamodules.storage.atomic_write import whole_binary_file


def write_answers(
    path: Path,
    source: str,
    rows: Rows | None,
    columns: Sequence[str],
    records: Records,
    options: TableOptions | None = None,
) -> list[str]:
    """Write a file with the user's own columns in their order, and ours behind them.

    Text is written while the records are taken in turn; a parquet file is made in memory, where its columns are compact, and an
    Excel file cell by cell.

    Args:
        path: The file; its ending tells the format (see `names.WRITTEN`). Its folder is created.
        source: The file that was answered, as the user named it.
        rows: What was read of it; None if there is no such file.
        columns: The names of our columns, of which `line` is one.
        records: A mapping for each row of the file, in its order; cells that are missing are empty.
        options: How the file was read.

    Returns:
        What people should know about it, a line each.
    """
    options = options or TableOptions()
    file = None if rows is None else _find_file(source)
    suffix = strip_gz(find_suffix(path.name))
    is_text = suffix in (".csv", ".tsv")
    # Text takes its cells from `rows`, so that it needs the names only.
    table = own_values(file, rows, [] if is_text else [record["line"] for record in records])
    ours = free_names(columns, table.column_names)
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_binary_file(path) as part, _zipped(part, path) as out:
        if is_text:
            out.writelines(write_delimited(suffix, file, rows, ours, records, options))
        elif suffix == ".jsonl":
            out.writelines(write_jsonl(file, table, ours, records, options))
        elif suffix == ".parquet":
            write_parquet(append_columns(table, ours, records), out)
        else:
            assert suffix == ".xlsx", "the ending was checked before"
            out.write(write_xlsx(file, table, ours, records))
    moved = [f"{column} is called {name}" for column, name in ours.items() if name != column]
    return [f"Of our columns {', '.join(moved)}, since the file has columns of these names."] if moved else []


@contextmanager
def _zipped(file: BinaryIO, path: Path) -> Iterator[BinaryIO]:
    """Give the file itself, or one that is zipped into it if the path ends in `.gz`."""
    if not path.name.lower().endswith(".gz"):
        yield file
        return
    with gzip.GzipFile(filename="", mode="wb", fileobj=file) as out:
        yield out  # type: ignore[misc]


def _find_file(source: str) -> Path | None:
    """Return the file that a source is, or None for a built-in one."""
    if source in BUILT_IN:
        return None
    path = download(source) if source.startswith("hf://") else Path(source).expanduser()
    return path if path.is_file() else None
