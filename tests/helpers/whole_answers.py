"""Answers written at once, from lists in memory: what the streamed ones are compared with, byte for byte."""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from datamodules.sources.output.names import find_suffix, free_names, strip_gz
from datamodules.sources.output.text import Records, _extend_object, _join_cells, _look_of
from datamodules.sources.output.typed import own_values, write_xlsx
from datamodules.sources.output.write import _find_file
from datamodules.sources.rows import Rows
from datamodules.sources.tables.options import TableOptions
from datamodules.sources.tables.text import read_text
from datamodules.storage.atomic_write import whole_binary_file
from datamodules.storage.safe_csv import escape_cell, format_cell


def write_delimited(
    suffix: str,
    source: Path | None,
    rows: Rows | None,
    ours: Mapping[str, str],
    records: Records,
    options: TableOptions,
) -> bytes:
    """Return a csv or tsv: the user's cells as they stand in the file, then ours.

    Cells of ours that a spreadsheet would run as formulas are marked (see `safe_csv`), and so are those that come from a file
    of another kind, which no spreadsheet has opened.
    """
    mark, end, start = ("\t" if suffix == ".tsv" else ","), "\r\n", b""
    from_csv = source is not None and strip_gz(find_suffix(source.name)) in (".csv", ".tsv")
    if from_csv and strip_gz(find_suffix(source.name)) == suffix:  # type: ignore[union-attr]
        mark, end, start = _look_of(source, suffix, options)  # type: ignore[arg-type]
    names = [] if rows is None else rows.table.column_names
    cells = {} if rows is None else rows.cells_by_line()
    keep = (lambda text: text) if from_csv else escape_cell
    lines = [_join_cells([*map(keep, names), *ours.values()], mark, end)]
    for record in records:
        own = cells.get(record["line"], {})
        of_user = (keep(own.get(name, "")) for name in names)
        lines.append(
            _join_cells([*of_user, *(format_cell(record.get(column)) for column in ours)], mark, end)
        )
    return start + "".join(lines).encode()


def write_jsonl(
    source: Path | None,
    rows: list[dict[str, Any] | None],
    ours: Mapping[str, str],
    records: Records,
    options: TableOptions,
) -> bytes:
    """Return JSON lines; the objects of a jsonl file keep their own text, so that numbers are spelled as before.

    Args:
        source: The user's file, or None if it is of no other kind.
        rows: The user's values of each record; not used for a jsonl file.
        ours: Our columns and their names beside the user's.
        records: Our values.
        options: How the file is read.
    """
    raw = None
    if source is not None and strip_gz(find_suffix(source.name)) == ".jsonl":
        raw = io.StringIO(read_text(source, options).text, newline="\n").readlines()
    lines = []
    for place, record in enumerate(records):
        own = {name: record.get(column) for column, name in ours.items()}
        if raw is None:
            lines.append(json.dumps({**(rows[place] or {}), **own}, ensure_ascii=False, default=str))
        else:
            text = raw[record["line"] - 1] if record["line"] <= len(raw) else ""
            lines.append(_extend_object(text, json.dumps(own, ensure_ascii=False)))
    return "".join(f"{line}\n" for line in lines).encode("utf-8", errors="backslashreplace")


def append_columns(table: pa.Table, ours: Mapping[str, str], records: Records) -> pa.Table:
    """Return a table with our columns behind its own."""
    for column, name in ours.items():
        cells = [record.get(column) for record in records]
        values = pa.array(cells)
        if pa.types.is_null(values.type):
            values = values.cast(pa.string())
        table = table.append_column(name, values) if table.num_columns else pa.table({name: values})
    return table


def write_parquet(table: pa.Table) -> bytes:
    """Return a table as a parquet file."""
    file = BytesIO()
    pq.write_table(table, file)
    return file.getvalue()


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
