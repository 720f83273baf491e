"""Read csv and tsv text: RFC 4180 quotes, one row at a time, a broken row never takes its neighbours with it."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from io import StringIO

import numpy as np
import pyarrow as pa

from datamodules.sources.rows import Rows, SetAside, shown

_CHUNK = 10_000
_FIELD_LIMIT = 2**31 - 1  # Python's own limit is 131,072 characters a cell
_BAD = re.compile("[\ud800-\udfff]")
_NUL = "\udc00"


class _Lines:
    """Lines with a position that can be set back, so that reading goes on after a broken row."""

    def __init__(self, text: str) -> None:
        self.lines = list(StringIO(text, newline="\n"))
        self.position = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if self.position >= len(self.lines):
            raise StopIteration
        self.position += 1
        return self.lines[self.position - 1]


def read(file: str, text: str, delimiter: str, clean: bool) -> Rows:
    """Return the rows of csv or tsv text whose first row is the header.

    Args:
        file: The name for messages.
        text: The text with line feeds as line ends; U+DC00 stands for NUL and other lone surrogates for bytes that are not UTF-8.
        delimiter: `,` or a tab.
        clean: True if the text has no such character.

    Raises:
        ValueError: If the header is missing, broken or names a column twice.
    """
    limit = csv.field_size_limit(_FIELD_LIMIT)
    try:
        return _read(file, _Lines(text), delimiter, clean)
    finally:
        csv.field_size_limit(limit)


def _records(lines: _Lines, delimiter: str) -> Iterator[tuple[int, list[str] | str]]:
    """Yield the first line (from 1) of each record and its cells, or what is wrong with it.

    A quote that is never closed would swallow the rest of the file: such a record is its first line only, and reading goes
    on with the next one.
    """
    while True:
        reader = csv.reader(lines, delimiter=delimiter, strict=True)
        start = lines.position
        try:
            for cells in reader:
                yield start + 1, cells
                start = lines.position
            return
        except csv.Error as error:
            lines.position = start + 1
            yield start + 1, str(error)


def _header(file: str, records: Iterator[tuple[int, list[str] | str]]) -> list[str]:
    """Return the column names or raise ValueError."""
    _, cells = next(records, (1, []))
    if isinstance(cells, str):
        raise ValueError(
            f"{file}, line 1: expected a header line with column names, but it is broken: {cells}."
        )
    names = [cell.strip() for cell in cells]
    if not any(names):
        raise ValueError(f"{file}, line 1: expected a header line with column names, but it is empty.")
    if any(_BAD.search(name) for name in names):
        raise ValueError(
            f"{file}, line 1: expected column names in UTF-8, but got {[shown(name) for name in names]}."
        )
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(
            f"{file}, line 1: expected different column names, but these come twice: {twice}: rename them."
        )
    return names


def _reason(cells: list[str] | str, width: int, delimiter: str, clean: bool) -> str | None:
    """Return why a record cannot be a row, or None."""
    if isinstance(cells, str):
        return f"broken quotes ({cells})"
    if not clean and (bad := _BAD.search("\n".join(cells))):
        return "NUL character" if bad.group() == _NUL else "not UTF-8"
    if len(cells) == width and (width > 1 or cells[0].strip()):
        return None
    if not any(cell.strip() for cell in cells) and len(cells) <= 1:
        return "empty row"
    hint = " (a cell with commas needs quotes)" if delimiter == "," and len(cells) > width else ""
    return f"expected {width} columns, got {len(cells)}{hint}"


def _plain_rows(lines: _Lines, delimiter: str, width: int, clean: bool) -> list[list[str]] | None:
    """Return the next lines as rows if each is one good row, and stand behind them; else None, and stay.

    Nearly all lines are, and reading thousands of them without a Python statement for each takes a third of the time.
    """
    part = lines.lines[lines.position : lines.position + _CHUNK]
    if not clean or width < 2 or not part:
        return None
    try:
        rows = list(csv.reader(part, delimiter=delimiter, strict=True))
    except csv.Error:
        return None
    if len(rows) < len(part) or set(map(len, rows)) != {width}:
        return None
    lines.position += len(part)
    return rows


def _read(file: str, lines: _Lines, delimiter: str, clean: bool) -> Rows:
    names = _header(file, _records(lines, delimiter))
    width = len(names)
    chunks: list[list[pa.Array]] = [[pa.array([], pa.string())] * width]
    kept = [np.zeros(0, dtype=np.int64)]
    set_aside: list[SetAside] = []
    while lines.position < len(lines.lines):
        first = lines.position + 1
        rows = _plain_rows(lines, delimiter, width, clean)
        if rows is not None:
            kept.append(np.arange(first, lines.position + 1, dtype=np.int64))
        else:
            rows, numbers, aside = _careful_rows(file, lines, delimiter, width, clean)
            kept.append(np.array(numbers, dtype=np.int64))
            set_aside += aside
        if rows:
            chunks.append(_arrays(rows))
    columns = [pa.chunked_array(column) for column in zip(*chunks, strict=True)]
    places = np.concatenate(kept)
    total = len(places) + len(set_aside)
    return Rows(pa.table(columns, names=names), places, file, set_aside, verified=False, total=total)


def _careful_rows(
    file: str, lines: _Lines, delimiter: str, width: int, clean: bool
) -> tuple[list[list[str]], list[int], list[SetAside]]:
    """Return the next rows, their lines, and what is set aside, record by record."""
    rows: list[list[str]] = []
    kept: list[int] = []
    set_aside: list[SetAside] = []
    end = lines.position + _CHUNK
    for line, cells in _records(lines, delimiter):
        reason = _reason(cells, width, delimiter, clean)
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
