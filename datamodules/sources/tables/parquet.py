"""Read Parquet: every column becomes text or lists of text; a broken row or row group never takes the others with it."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from datamodules.sources.rows import Rows, SetAside, shown
from datamodules.sources.tables.file_lines import LARGE
from datamodules.sources.tables.header import refuse_twice
from datamodules.sources.tables.options import TableOptions
from datamodules.storage.spill import TableSpill


def open_file(path: Path) -> pq.ParquetFile:
    """Return a Parquet file whose index has been read.

    Raises:
        ValueError: If the file is cut off (the index at its end is gone).
    """
    try:
        return pq.ParquetFile(path)
    except (pa.ArrowException, OSError) as error:
        raise ValueError(
            f"{path}: expected a Parquet file, but it cannot be read ({error}). Its index lies at its end, so that nothing of a "
            "file that was cut off can be saved: copy or write it again."
        ) from error


def read(path: Path, options: TableOptions) -> Rows:
    """Return the rows of a Parquet file; their lines are the numbers of the rows, from 1. It has its own names and encoding.

    Numbers, flags and dates become text; null and NaN become `""` or `[]`; an object becomes its JSON text.

    Raises:
        ValueError: If the file is cut off (the index at its end is gone) or names a column twice.
    """
    file = str(path)
    parquet = open_file(path)
    names = [unicodedata.normalize("NFC", name) for name in parquet.schema_arrow.names]
    refuse_twice(file, names)
    kinds = [_target(field.type) for field in parquet.schema_arrow]
    schema = pa.schema(list(zip(names, kinds, strict=True)))
    whole = TableSpill(schema, in_memory=path.stat().st_size < LARGE)
    lines, set_aside = [], list[SetAside]()
    start = 0
    for group in range(parquet.num_row_groups):
        count = parquet.metadata.row_group(group).num_rows
        numbers = np.arange(start + 1, start + count + 1, dtype=np.int64)
        start += count
        try:
            table, reasons = _convert(parquet.read_row_group(group), schema)
        except (pa.ArrowException, OSError, ValueError) as error:
            reason = f"row group {group + 1} cannot be read ({shown(str(error))})"
            set_aside += [SetAside(file, int(number), reason, "") for number in numbers]
            continue
        keep = np.ones(count, dtype=bool)
        for row, (reason, text) in sorted(reasons.items()):
            keep[row] = False
            set_aside.append(SetAside(file, int(numbers[row]), reason, shown(text)))
        whole.add(table.filter(pa.array(keep)) if reasons else table)
        lines.append(numbers[keep])
    kept = np.concatenate([np.zeros(0, dtype=np.int64), *lines])
    return Rows(whole.finish(), kept, file, set_aside, verified=False, total=start)


def _target(kind: pa.DataType) -> pa.DataType:
    """Return the type that a column gets: text, or lists of text for lists of texts, numbers or flags."""
    is_list = pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)
    return pa.list_(pa.string()) if is_list and not pa.types.is_nested(kind.value_type) else pa.string()


def _convert(table: pa.Table, schema: pa.Schema) -> tuple[pa.Table, dict[int, tuple[str, str]]]:
    """Return the table as text and the rows that cannot be text: row -> (reason, text)."""
    reasons: dict[int, tuple[str, str]] = {}
    columns = []
    for given, field in zip(table.columns, schema, strict=True):
        column = _without_nan(given)
        try:
            text = column.cast(field.type)
            text.validate(full=True)
            flat = text.combine_chunks()
            # A NUL is valid UTF-8 and still breaks what comes later.
            if pa.types.is_list(field.type):
                flat = flat.flatten()
            if pc.any(pc.match_substring(flat, "\0")).as_py():
                text = _one_by_one(column, field, reasons)
        except (pa.ArrowException, UnicodeDecodeError):
            text = _one_by_one(column, field, reasons)
        columns.append(_fill(text, field.type))
    return pa.table(columns, schema=schema), reasons


def _without_nan(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return the column with null in place of NaN, which is how pandas writes a missing number, also inside of lists."""
    kind = column.type
    if pa.types.is_dictionary(kind) and pa.types.is_floating(kind.value_type):
        column, kind = column.cast(kind.value_type), kind.value_type
    if pa.types.is_floating(kind):
        return pc.if_else(pc.is_nan(column), pa.scalar(None, kind), column)
    if pa.types.is_list(_target(kind)) and pa.types.is_floating(kind.value_type):
        if not pc.any(pc.is_nan(column.combine_chunks().flatten())).as_py():
            return column
        cells = [cell and [None if item != item else item for item in cell] for cell in column.to_pylist()]
        return pa.chunked_array([pa.array(cells, kind)])
    return column


def _fill(column: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray:
    """Return the column with `""` or `[]` in place of null, also inside of lists."""
    if pa.types.is_string(kind):
        return pc.fill_null(column, "")
    if column.null_count == 0 and all(chunk.flatten().null_count == 0 for chunk in column.chunks):
        return column
    cells = [["" if item is None else item for item in cell or []] for cell in column.to_pylist()]
    return pa.chunked_array([pa.array(cells, kind)])


def _one_by_one(
    column: pa.ChunkedArray, field: pa.Field, reasons: dict[int, tuple[str, str]]
) -> pa.ChunkedArray:
    """Return a column whose values Arrow cannot turn into text at once; rows without a text get a reason."""
    cells: list[Any] = []
    for row, scalar in enumerate(column):
        value, reason = _try_cell(scalar, pa.types.is_list(field.type))
        if reason:
            reasons.setdefault(row, (f"{reason} in column {field.name!r}", ""))
        cells.append(value)
    return pa.chunked_array([pa.array(cells, field.type)])


def _try_cell(scalar: pa.Scalar, is_list: bool) -> tuple[Any, str]:
    """Return a value as text or list of texts, or None and why it cannot be one."""
    try:
        return _cell(scalar.as_py(), is_list), ""
    except UnicodeError:
        return None, "not UTF-8"
    except ValueError as error:
        return None, str(error)


def _cell(value: Any, is_list: bool) -> Any:
    """Return a value as text or as a list of texts; ValueError says why it cannot be one."""
    if value is None:
        return None
    if is_list:
        return [_cell(item, False) for item in value]
    if isinstance(value, bytes):
        value = value.decode("utf-8")
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    if "\0" in text:
        raise ValueError("NUL character")
    return text
