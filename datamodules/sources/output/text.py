"""Answers as text: csv, tsv and jsonl."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa

from datamodules.sources.output.names import find_suffix, strip_gz
from datamodules.sources.rows import Rows
from datamodules.sources.tables.options import TableOptions
from datamodules.sources.tables.separator import ONE_COLUMN, find_separator
from datamodules.sources.tables.text import read_bytes, read_text
from datamodules.storage.safe_csv import escape_cell, format_cell

Records = Sequence[Mapping[str, Any]]
"""Cells by column, a mapping for each row, in the file's order. It may read them from a disk: they are taken in turn."""
TOGETHER = 1_000
"""Records that are in memory at once."""
_BOM = b"\xef\xbb\xbf"


def in_parts(records: Records) -> Iterator[list[Mapping[str, Any]]]:
    """Return the records in lists of `TOGETHER`."""
    left = iter(records)
    while part := list(islice(left, TOGETHER)):
        yield part


def write_delimited(
    suffix: str,
    source: Path | None,
    rows: Rows | None,
    ours: Mapping[str, str],
    records: Records,
    options: TableOptions,
) -> Iterator[bytes]:
    """Return a csv or tsv in pieces: the user's cells as they stand in the file, then ours.

    Cells of ours that a spreadsheet would run as formulas are marked (see `safe_csv`), and so are those that come from a file
    of another kind, which no spreadsheet has opened.
    """
    mark, end, start = ("\t" if suffix == ".tsv" else ","), "\r\n", b""
    from_csv = source is not None and strip_gz(find_suffix(source.name)) in (".csv", ".tsv")
    if from_csv and strip_gz(find_suffix(source.name)) == suffix:  # type: ignore[union-attr]
        mark, end, start = _look_of(source, suffix, options)  # type: ignore[arg-type]
    names = [] if rows is None else rows.table.column_names
    keep = (lambda text: text) if from_csv else escape_cell
    yield start + _join_cells([*map(keep, names), *ours.values()], mark, end).encode()
    for part in in_parts(records):
        cells = {} if rows is None else rows.cells_by_line([record["line"] for record in part])
        lines = []
        for record in part:
            own = cells.get(record["line"], {})
            of_user = (keep(own.get(name, "")) for name in names)
            lines.append(
                _join_cells([*of_user, *(format_cell(record.get(column)) for column in ours)], mark, end)
            )
        yield "".join(lines).encode()


def _join_cells(cells: Sequence[str], mark: str, end: str) -> str:
    r"""Return a line of a table.

    Some versions of Python quote a cell only for the characters that end its own lines: with `\n` a lone `\r` stayed bare, and
    readers took it for the end of a line. So the line is written with both, and ended afterwards.

    >>> _join_cells(["a", "b\rc"], ",", "\n")
    'a,"b\rc"\n'
    """
    file = io.StringIO(newline="")
    csv.writer(file, delimiter=mark, lineterminator="\r\n").writerow(cells)
    return file.getvalue().removesuffix("\r\n") + end


def _look_of(source: Path, suffix: str, options: TableOptions) -> tuple[str, str, bytes]:
    """Return what separates the cells of a file, what ends its lines, and its byte order mark."""
    mark = find_separator(io.StringIO(read_text(source, options).text, newline="\n").readlines(), suffix).mark
    data = read_bytes(source)[0]
    return (
        ("," if mark == ONE_COLUMN else mark),
        ("\r\n" if b"\r\n" in data else "\n"),
        data[:3] * data.startswith(_BOM),
    )


def write_jsonl(
    source: Path | None,
    table: pa.Table,
    ours: Mapping[str, str],
    records: Records,
    options: TableOptions,
) -> Iterator[bytes]:
    """Return JSON lines in pieces; the objects of a jsonl file keep their own text, so that numbers are spelled as before.

    Args:
        source: The user's file, or None if it is of no other kind.
        table: The user's values of each record; not used for a jsonl file.
        ours: Our columns and their names beside the user's.
        records: Our values.
        options: How the file is read.
    """
    raw = None
    if source is not None and strip_gz(find_suffix(source.name)) == ".jsonl":
        raw = enumerate(io.StringIO(read_text(source, options).text, newline="\n"), start=1)
    done = 0
    for part in in_parts(records):
        added = [{name: record.get(column) for column, name in ours.items()} for record in part]
        if raw is None:
            own = table.slice(done, len(part)).to_pylist() or [{}] * len(part)
            lines = [
                json.dumps({**cells, **more}, ensure_ascii=False, default=str)
                for cells, more in zip(own, added, strict=True)
            ]
        else:
            wanted = [record["line"] for record in part]
            lines = [
                _extend_object(text, json.dumps(more, ensure_ascii=False))
                for text, more in zip(_lines_at(raw, wanted), added, strict=True)
            ]
        done += len(part)
        yield "".join(f"{line}\n" for line in lines).encode("utf-8", errors="backslashreplace")


def _lines_at(lines: Iterator[tuple[int, str]], wanted: Sequence[int]) -> Iterator[str]:
    """Return the lines of some numbers, which ascend; an empty one behind the last.

    >>> lines = enumerate(["a", "b", "c"], start=1)
    >>> list(_lines_at(lines, [1, 1])), list(_lines_at(lines, [1, 3, 4]))
    (['a', 'a'], ['', 'c', ''])
    """
    at, text = 0, ""
    for number in wanted:
        while at < number:
            at, text = next(lines, (number, ""))
        yield text if at == number else ""


def _extend_object(text: str, added: str) -> str:
    """Return the text of a JSON object with the keys of another behind its own; the other one if the first is no object.

    >>> _extend_object('{"a": 1.50}', '{"b": 2}'), _extend_object("[1", '{"b": 2}'), _extend_object("{ }", '{"b": 2}')
    ('{"a": 1.50, "b": 2}', '{"b": 2}', '{"b": 2}')
    """
    try:
        found = json.loads(text, parse_int=str, parse_float=str)
    except (ValueError, RecursionError):
        return added
    if not isinstance(found, dict) or not found:
        return added
    return f"{text.strip()[:-1].rstrip()}, {added[1:]}"
