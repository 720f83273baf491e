"""Write a table with answers: the user's own columns, then ours."""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from pathlib import Path

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
    table = own_values(file, rows, [record["line"] for record in records])
    ours = free_names(columns, table.column_names)
    suffix = strip_gz(find_suffix(path.name))
    if suffix in (".csv", ".tsv"):
        data = write_delimited(suffix, file, rows, ours, records, options)
    elif suffix == ".jsonl":
        data = write_jsonl(file, table.to_pylist() or [None] * len(records), ours, records, options)
    elif suffix == ".parquet":
        data = write_parquet(append_columns(table, ours, records))
    else:
        assert suffix == ".xlsx", "the ending was checked before"
        data = write_xlsx(file, table, ours, records)
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_binary_file(path) as out:
        out.write(gzip.compress(data) if path.name.lower().endswith(".gz") else data)
    moved = [f"{column} is called {name}" for column, name in ours.items() if name != column]
    return [f"Of our columns {', '.join(moved)}, since the file has columns of these names."] if moved else []


def _find_file(source: str) -> Path | None:
    """Return the file that a source is, or None for a built-in one."""
    if source in BUILT_IN:
        return None
    path = download(source) if source.startswith("hf://") else Path(source).expanduser()
    return path if path.is_file() else None
