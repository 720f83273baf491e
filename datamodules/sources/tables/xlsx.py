"""Read .xlsx: the first sheet that holds something, every cell as text; needs the extra `xlsx`."""

from __future__ import annotations

import datetime
from io import BytesIO
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from datamodules.sources.rows import Rows, SetAside, shown
from datamodules.sources.tables.header import SAMPLE, find_header
from datamodules.sources.tables.options import TableOptions
from datamodules.sources.tables.text import read_bytes

_ERRORS = frozenset({"#N/A", "#DIV/0!", "#REF!", "#VALUE!", "#NAME?", "#NUM!", "#NULL!"})


def read(path: Path, options: TableOptions) -> Rows:
    """Return the rows of a .xlsx file, also gzipped; their lines are the sheet's.

    A whole number is written without a point, a date as 2024-02-29, true and false in small letters; an empty cell, a
    missing number and an error (#N/A) are empty.

    Raises:
        ValueError: If the extra is not installed, the file cannot be read, or the names of its columns are no good.
    """
    file = str(path)
    try:
        import python_calamine
    except ImportError as error:
        raise ValueError(
            f'{file}: a .xlsx file needs the package python-calamine: pip install -e ".[xlsx]"; or save it as .csv.'
        ) from error
    data, problem = read_bytes(path)
    try:
        # A damaged file can end in a panic of Rust, which is no Exception.
        book = python_calamine.CalamineWorkbook.from_filelike(BytesIO(data))
        sheets = {name: book.get_sheet_by_name(name) for name in book.sheet_names}
        filled = {name: sheet for name, sheet in sheets.items() if sheet.start is not None}
        cells: list[list[Any]] = next(
            (sheet.to_python(skip_empty_area=False) for sheet in filled.values()), []
        )
    except BaseException as error:
        if isinstance(error, (KeyboardInterrupt, SystemExit, MemoryError)):
            raise
        why = problem or str(error)
        raise ValueError(
            f"{file}: expected an Excel file, but it cannot be read ({why}): save it again."
        ) from error
    texts = [[_text(cell) for cell in row] for row in cells]
    if not any(chain.from_iterable(texts)):
        raise ValueError(f"{file}: expected a table, but its sheets are empty.")
    notes: tuple[str, ...] = ()
    if len(filled) > 1:
        first, *others = filled
        notes = (
            f"the sheet {first!r} was read, {', '.join(map(repr, others))} not; save another as a file of its own",
        )
    return _make_rows(file, texts, options).amend(notes)


def _make_rows(file: str, texts: list[list[str]], options: TableOptions) -> Rows:
    """Return rows of text; empty rows above the table are no rows of it, and neither are empty columns beside it."""
    top = next(place for place, row in enumerate(texts) if any(row))
    used = [place for place in range(len(texts[0])) if any(row[place] for row in texts)]
    texts = [[row[place] for place in used] for row in texts]
    header = find_header(file, texts[top : top + SAMPLE + 1], options)
    kept, numbers = [], []
    aside: list[SetAside] = []
    for number, row in enumerate(texts[top + header.in_file :], start=top + header.in_file + 1):
        bad = any("\0" in cell for cell in row)
        if any(row) and not bad:
            kept.append(row)
            numbers.append(number)
        else:
            aside.append(
                SetAside(file, number, "NUL character" if bad else "empty row", shown("\t".join(row)))
            )
    columns = list(zip(*kept, strict=True)) or [()] * len(header.names)
    table = pa.table([pa.array(column, pa.string()) for column in columns], names=header.names)
    notes = (header.note,) if header.note else ()
    places = np.array(numbers, dtype=np.int64)
    return Rows(table, places, file, aside, verified=False, total=len(kept) + len(aside), notes=notes)


def _text(cell: Any) -> str:
    """Return a cell as text.

    >>> [_text(cell) for cell in (7.0, 0.1, True, "", "#N/A", float("nan"), datetime.date(2024, 2, 29))]
    ['7', '0.1', 'true', '', '', '', '2024-02-29']
    """
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float):
        if cell != cell:
            return ""
        return str(int(cell)) if cell.is_integer() and abs(cell) < 1e15 else repr(cell)
    if isinstance(cell, (datetime.datetime, datetime.date, datetime.time)):
        return cell.isoformat(" ") if isinstance(cell, datetime.datetime) else cell.isoformat()
    text = "" if cell is None else str(cell)
    return "" if text in _ERRORS else text
