"""The columns of a table as texts: found by name, joined by a template."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from configs.lookup import find_name, suggest
from datamodules.rows.columns.answers import fill_template, locate_cells
from datamodules.sources.rows import Rows
from datamodules.storage.text_columns import TextColumn, TextLists, as_strings
from datamodules.tasks import Side


def read_column(rows: Rows, name: str, side: str) -> TextColumn | TextLists:
    """Return a column of strings, or of lists of strings.

    Upper and lower case are the same where that leaves no choice.

    Raises:
        ValueError: If there is no such column; the message lists those that exist.
    """
    column = rows.table.column(find_column(name, rows.table.column_names, rows.file, side, rows.notes))
    if pa.types.is_list(column.type) or pa.types.is_large_list(column.type):
        return TextLists.of_arrow(column)
    return TextColumn.of(pc.fill_null(column.cast(pa.large_string()), ""))


def read_side(rows: Rows, side: Side, name: str) -> TextColumn | TextLists:
    """Return a side's column, or the texts that its template makes of several.

    A row in which all of them are empty is empty.

    Raises:
        ValueError: If a column does not exist; the message lists those that do.
    """
    if not side.template:
        return read_column(rows, side.column, name)
    return TextColumn.of(fill_template(side.template, _read_columns(rows, side, name)))


def _read_columns(rows: Rows, side: Side, name: str) -> dict[str, pa.LargeStringArray]:
    """Return the columns that a side's template names."""
    return {column: as_strings(first_texts(rows, column, name)) for column in side.columns}


def locate_columns(rows: Rows, side: Side) -> NDArray[np.int64]:
    """Return where each column's text stands in the inputs that a template makes, (N, C, 2)."""
    columns = _read_columns(rows, side, "input")
    return locate_cells(side.template, columns, fill_template(side.template, columns))


def find_column(name: str, columns: Sequence[str], file: str, side: str, notes: Sequence[str] = ()) -> str:
    """Return the column of a table that a name means.

    Args:
        name: The name; upper and lower case are the same where that leaves no choice.
        columns: The table's columns.
        file: The table.
        side: `input`, `output` or `split`: which flag gave the name; `shots_from`: the task file did.
        notes: What was decided about the table when it was read.

    Raises:
        ValueError: If there is no such column; the message lists those that exist.
    """
    found = find_name(name, columns)
    if found is None:
        who = "The task's shots_from" if side == "shots_from" else f"--data.{side}_column"
        raise ValueError(
            f"{who} {name!r} is not a column of {file} (columns: {', '.join(columns)})."
            f"{suggest(name, list(columns))}{''.join(f' Note: {note}.' for note in notes)}"
        )
    return found


def first_of(column: TextColumn | TextLists) -> TextColumn:
    """Return a string a row: the cell, or the first of a list."""
    return TextColumn.of(column.first()) if isinstance(column, TextLists) else column


def first_texts(rows: Rows, name: str, side: str) -> TextColumn:
    """Return a string a row of a column: the cell, or the first of a list, or an empty string."""
    return first_of(read_column(rows, name, side))
