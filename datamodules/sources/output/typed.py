"""Answers with types: parquet and xlsx."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from datamodules.sources.output.names import find_suffix, strip_gz
from datamodules.sources.output.text import Records, in_parts
from datamodules.sources.rows import Rows
from datamodules.sources.tables.parquet import open_file
from datamodules.sources.tables.text import read_bytes


def own_values(source: Path | None, rows: Rows | None, lines: Sequence[int]) -> pa.Table:
    """Return the user's values at some lines, of a parquet file with their types; null where a row could not be read."""
    if source is not None and find_suffix(source.name) == ".parquet":
        table = _read_groups(source)
        return table.take(pa.array(np.array(lines, dtype=np.int64) - 1))
    if rows is None:
        return pa.table({"": pa.nulls(len(lines))}).select([])
    places = {line: place for place, line in enumerate(rows.lines.tolist())}
    return rows.table.take(pa.array([places.get(line) for line in lines], pa.int64()))


def _read_groups(source: Path) -> pa.Table:
    """Return a parquet file's table; a row group that cannot be read is null."""
    file = open_file(source)
    tables = [_read_group(file, group) for group in range(file.num_row_groups)]
    schema = pa.schema([field.with_nullable(True) for field in file.schema_arrow], file.schema_arrow.metadata)
    return pa.concat_tables([table.cast(schema) for table in tables]) if tables else schema.empty_table()


def _read_group(file: pq.ParquetFile, group: int) -> pa.Table:
    try:
        return file.read_row_group(group)
    except (pa.ArrowException, OSError, ValueError):
        count, schema = file.metadata.row_group(group).num_rows, file.schema_arrow
        return pa.table([pa.nulls(count, field.type) for field in schema], names=schema.names)


def append_columns(table: pa.Table, ours: Mapping[str, str], records: Records) -> pa.Table:
    """Return a table with our columns behind its own."""
    parts = [
        pa.table({column: pa.array([record.get(column) for record in part]) for column in ours})
        for part in in_parts(records)
    ] or [pa.table({column: pa.nulls(0) for column in ours})]
    # One piece, as if it had been made at once: the pages of a parquet file follow the pieces.
    joined = pa.concat_tables(parts, promote_options="permissive").combine_chunks()
    for column, name in ours.items():
        values = joined.column(column)
        if pa.types.is_null(values.type):
            values = values.cast(pa.string())
        table = table.append_column(name, values) if table.num_columns else pa.table({name: values})
    return table


def write_parquet(table: pa.Table, file: BinaryIO) -> None:
    """Write a table to a parquet file."""
    pq.write_table(table, file)


def write_xlsx(source: Path | None, table: pa.Table, ours: Mapping[str, str], records: Records) -> bytes:
    """Return an Excel file: the user's own with our columns beside its table, or a new one.

    Formulas of the user's sheet become the values that they had, since nothing computes them here. One that was never computed
    has none and stays, since an empty cell would lose it.
    """
    import openpyxl

    file = BytesIO()
    if source is not None and strip_gz(find_suffix(source.name)) == ".xlsx":
        data = read_bytes(source)[0]
        book = openpyxl.load_workbook(BytesIO(data))
        values = openpyxl.load_workbook(BytesIO(data), data_only=True)
        for sheet in book.worksheets:
            _keep_values(sheet, values[sheet.title])
        sheet = next(sheet for sheet in book.worksheets if any(_filled(sheet)))
        top = min(_filled(sheet))
        first = min((record["line"] for record in records), default=top + 1)
        if first <= top:  # no header in the file
            sheet.insert_rows(top)
            for place, name in enumerate(table.column_names, start=1):
                _put(sheet, top, place, name)
        shift = int(first <= top)
        _put_ours(
            sheet, top, sheet.max_column + 1, ours, [record["line"] + shift for record in records], records
        )
    else:
        book = openpyxl.Workbook()
        sheet = book.active
        for place, name in enumerate(table.column_names, start=1):
            _put(sheet, 1, place, name)
            for number, cell in enumerate(table.column(name).to_pylist(), start=2):
                _put(sheet, number, place, cell)
        _put_ours(sheet, 1, table.num_columns + 1, ours, range(2, len(records) + 2), records)
    book.save(file)
    return file.getvalue()


def _filled(sheet: Any) -> set[int]:
    """Return the numbers of the rows that hold something."""
    return {cell.row for row in sheet.iter_rows() for cell in row if cell.value not in (None, "")}


def _keep_values(sheet: Any, values: Any) -> None:
    for row in sheet.iter_rows():
        for cell in row:
            if cell.data_type == "f" and (value := values[cell.coordinate].value) is not None:
                cell.value = value


def _put(sheet: Any, row: int, column: int, value: Any) -> None:
    """Set a cell; text that begins like a formula stays text."""
    if value is None:
        return
    if not isinstance(value, (bool, int, float, str)):
        value = str(value)
    if isinstance(value, str):
        from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

        value = ILLEGAL_CHARACTERS_RE.sub("?", value)
    cell = sheet.cell(row, column)
    cell.value = value
    if isinstance(value, str):
        cell.data_type = "s"


def _put_ours(
    sheet: Any, top: int, column: int, ours: Mapping[str, str], lines: Sequence[int], records: Records
) -> None:
    for place, (key, name) in enumerate(ours.items(), start=column):
        _put(sheet, top, place, name)
        for line, record in zip(lines, records, strict=True):
            cell = record.get(key)
            _put(sheet, line, place, json.dumps(cell, ensure_ascii=False) if isinstance(cell, list) else cell)
