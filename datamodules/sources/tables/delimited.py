"""Read csv, tsv and txt: RFC 4180 quotes, one row at a time, a broken row never takes its neighbours with it."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from io import StringIO
from itertools import islice
from pathlib import Path

import numpy as np
import pyarrow as pa

from datamodules.sources.rows import Rows, SetAside, shown
from datamodules.sources.tables.file_lines import FileLines, index_lines
from datamodules.sources.tables.header import SAMPLE, Header, find_header
from datamodules.sources.tables.options import AUTO, TableOptions
from datamodules.sources.tables.separator import (
    FIRST_LINES,
    NAMES,
    ONE_COLUMN,
    Separator,
    find_separator,
    find_told,
)
from datamodules.sources.tables.text import Text, describe_bad_characters, read_text
from datamodules.storage.spill import TableSpill

_CHUNK = 10_000
_FIELD_LIMIT = 2**31 - 1  # Python's own limit is 131,072 characters a cell


class Lines:
    """Lines with a position that can be set back, so that reading goes on after a broken row."""

    def __init__(self, text: str | FileLines) -> None:
        """Stand before the first line of a text with line feeds as line ends."""
        self.lines = list(StringIO(text, newline="\n")) if isinstance(text, str) else text
        self.position = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if self.position >= len(self.lines):
            raise StopIteration
        self.position += 1
        return self.lines[self.position - 1]


def read(path: Path, options: TableOptions) -> Rows:
    """Return the rows of a .csv, .tsv or .txt file, each also gzipped.

    Raises:
        ValueError: If there is no row, or the header is broken or names a column twice.
    """
    large = None
    if options.encoding == AUTO and not path.name.lower().endswith(".gz"):
        large = index_lines(path)
    text = read_text(path, options) if large is None else Text("", True, None, ())
    lines = Lines(text.text if large is None else large)
    first = lines.lines[:FIRST_LINES]
    lines.position = int(find_told(first) is not None)
    suffix = Path(path.name.lower().removesuffix(".gz")).suffix
    rows = read_lines(str(path), lines, find_separator(first, suffix), text.clean, options)
    return rows.amend(text.notes, text.cut)


def read_lines(file: str, lines: Lines, separator: Separator, clean: bool, options: TableOptions) -> Rows:
    """Return the rows of lines of text.

    Args:
        file: The name for messages.
        lines: The lines; U+DC00 stands for NUL and other lone surrogates for bytes that are not of the encoding.
        separator: What stands between cells.
        clean: True if the text has no such character.
        options: Whether the first line holds the names of the columns.

    Raises:
        ValueError: If there is no row, or the header is broken or names a column twice.
    """
    limit = csv.field_size_limit(_FIELD_LIMIT)
    try:
        header = _find_header(file, lines, separator, options)
        return _read(file, lines, separator, header, clean)
    finally:
        csv.field_size_limit(limit)


def _records(lines: Lines, separator: Separator) -> Iterator[tuple[int, list[str] | str]]:
    """Yield the first line (from 1) of each record and its cells, or what is wrong with it.

    A quote that is never closed would swallow the rest of the file: such a record is its first line only, and reading goes
    on with the next one.
    """
    while True:
        reader = _parse(lines, separator)
        start = lines.position
        try:
            for cells in reader:
                yield start + 1, cells
                start = lines.position
            return
        except csv.Error as error:
            lines.position = start + 1
            yield start + 1, str(error)


def _parse(lines: Iterable[str], separator: Separator) -> Iterator[list[str]]:
    return csv.reader(lines, delimiter=separator.mark, strict=True, skipinitialspace=separator.blanks)


def _find_header(file: str, lines: Lines, separator: Separator, options: TableOptions) -> Header:
    """Return the names of the columns, and stand behind the header if there is one."""
    start = lines.position
    records = islice(_records(lines, separator), SAMPLE + 1)
    first = next(records, (1, []))[1]
    behind = lines.position
    rows = [cells for _, cells in records if isinstance(cells, list)]
    if options.header is not False:
        _refuse_broken(file, first, separator)
    header = find_header(file, [first, *rows] if isinstance(first, list) else rows, options)
    lines.position = behind if header.in_file else start
    return header


def _refuse_broken(file: str, first: list[str] | str, separator: Separator) -> None:
    """Raise ValueError if no names can be read from the first record."""
    if isinstance(first, str):
        raise ValueError(
            f"{file}, line 1: expected a header line with column names, but it is broken: {first} "
            f"(between cells: {NAMES[separator.mark]})."
        )
    if describe_bad_characters("\n".join(first)):
        raise ValueError(
            f"{file}, line 1: expected column names in UTF-8, but got {[shown(name) for name in first]}: "
            "save the file as UTF-8, or name its encoding, e.g. --data.encoding cp1252."
        )


def _reason(cells: list[str] | str, width: int, separator: Separator, clean: bool) -> str | None:
    """Return why a record cannot be a row, or None."""
    if isinstance(cells, str):
        return f"broken quotes ({cells})"
    if not clean and (bad := describe_bad_characters("\n".join(cells))):
        return bad
    if len(cells) == width and (width > 1 or cells[0].strip()):
        return None
    if not any(cell.strip() for cell in cells) and len(cells) <= 1:
        return "empty row"
    hint = " (a cell with commas needs quotes)" if separator.mark == "," and len(cells) > width else ""
    return f"expected {width} columns, got {len(cells)}{hint}"


def _plain_rows(lines: Lines, separator: Separator, width: int, clean: bool) -> list[list[str]] | None:
    """Return the next lines as rows if each is one good row, and stand behind them; else None, and stay.

    Nearly all lines are, and reading thousands of them without a Python statement for each takes a third of the time.
    """
    part = lines.lines[lines.position : lines.position + _CHUNK]
    if not clean or width < 2 or not part:
        return None
    try:
        rows = list(_parse(part, separator))
    except csv.Error:
        return None
    if len(rows) < len(part) or set(map(len, rows)) != {width}:
        return None
    lines.position += len(part)
    return rows


def _read(file: str, lines: Lines, separator: Separator, header: Header, clean: bool) -> Rows:
    """Return the rows from where `lines` stands."""
    width = len(header.names)
    schema = pa.schema([(name, pa.string()) for name in header.names])
    table = TableSpill(schema, in_memory=isinstance(lines.lines, list))
    kept = [np.zeros(0, dtype=np.int64)]
    set_aside: list[SetAside] = []
    while lines.position < len(lines.lines):
        first = lines.position + 1
        rows = _plain_rows(lines, separator, width, clean)
        if rows is not None:
            kept.append(np.arange(first, lines.position + 1, dtype=np.int64))
        else:
            rows, numbers, aside = _careful_rows(file, lines, separator, width, clean)
            kept.append(np.array(numbers, dtype=np.int64))
            set_aside += aside
        if rows:
            table.add(pa.table(_arrays(rows), schema=schema))
    places = np.concatenate(kept)
    total = len(places) + len(set_aside)
    notes: tuple[str, ...] = (header.note,) if header.note else ()
    if separator.mark == ONE_COLUMN and any("," in line and line[0] != '"' for line in lines.lines):
        notes += ("one column, so each line is one cell and commas belong to it",)
    return Rows(table.finish(), places, file, set_aside, verified=False, total=total, notes=notes)


def _careful_rows(
    file: str, lines: Lines, separator: Separator, width: int, clean: bool
) -> tuple[list[list[str]], list[int], list[SetAside]]:
    """Return the next rows, their lines, and what is set aside, record by record."""
    rows: list[list[str]] = []
    kept: list[int] = []
    set_aside: list[SetAside] = []
    end = lines.position + _CHUNK
    for line, cells in _records(lines, separator):
        reason = _reason(cells, width, separator, clean)
        if reason is None:
            assert isinstance(cells, list)
            rows.append(cells)
            kept.append(line)
        else:
            raw = "".join(lines.lines[line - 1 : lines.position])
            set_aside.append(SetAside(file, line, reason, shown(raw.rstrip("\n"))))
        if lines.position >= end:
            break
    return rows, kept, set_aside


def _arrays(rows: list[list[str]]) -> list[pa.Array]:
    """Return a few thousand rows as columns, since a Python object a cell costs ten times the memory."""
    return [pa.array(column, pa.string()) for column in zip(*rows, strict=True)]
