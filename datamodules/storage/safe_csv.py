"""CSV files of untrusted text that are safe to open in a spreadsheet and read back equal.

A spreadsheet runs a cell that begins with `=`, `+`, `-`, `@` or a tab as a formula, quoted or not. Inputs and model
outputs are untrusted text, and some SMILES, such as `=O`, look like formulas. Such cells get a leading apostrophe, which
marks them as text for spreadsheets. A character that no CSV file can hold (NUL, half of a surrogate pair) becomes
U+2400, its hexadecimal code, and a semicolon. `read_csv` undoes both.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from datamodules.storage.atomic_write import whole_file

_FORMULA = re.compile(r"\s*[=+\-@\uff1d\uff0b\uff0d\uff20]|[\t\r\n']")
_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?([eE][+-]?\d+)?", re.ASCII)
_MARK = "\u2400"
_UNWRITABLE = re.compile(f"[\0{_MARK}\ud800-\udfff]")
_WRITTEN = re.compile(f"{_MARK}([0-9a-f]+);")


def escape_cell(text: str) -> str:
    r"""Return `text` with a leading apostrophe if a spreadsheet would run it or it already begins with one.

    Plain numbers such as `-3.5` stay as they are.

    Examples:
        >>> escape_cell("=O"), escape_cell("-3.5"), escape_cell("CCO"), escape_cell("a\0b")
        ("'=O", '-3.5', 'CCO', 'a␀0;b')
    """
    text = _UNWRITABLE.sub(lambda found: f"{_MARK}{ord(found[0]):x};", text)
    return "'" + text if _FORMULA.match(text) and not _NUMBER.fullmatch(text) else text


def unescape_cell(cell: str) -> str:
    """Return the text from which `escape_cell` made a cell.

    Examples:
        >>> unescape_cell(escape_cell("=O")), unescape_cell(escape_cell("'quoted'"))
        ('=O', "'quoted'")
    """
    return _WRITTEN.sub(lambda found: chr(int(found[1], 16)), cell.removeprefix("'"))


def format_cell(value: str | float | bool | list[str] | None) -> str:
    """Return a value as a cell: text escaped, `true`/`false`, numbers in full, None as an empty cell, a list of texts as JSON.

    Examples:
        >>> format_cell(None), format_cell(True), format_cell(0.1), format_cell("=1+1"), format_cell(["a", "b"])
        ('', 'true', '0.1', "'=1+1", '["a", "b"]')
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return escape_cell(json.dumps(value, ensure_ascii=False))
    return escape_cell(value) if isinstance(value, str) else repr(value)


def write_csv(
    path: Path, columns: Sequence[str], rows: Iterable[Mapping[str, str | float | bool | None]]
) -> None:
    """Write `rows` to `path` completely or not at all: a reader never sees half a file.

    Args:
        path: The file. Its folder is created, and an existing file is replaced.
        columns: The header, and the order of the cells.
        rows: One mapping per line; a column that a row lacks becomes an empty cell.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as file:
        writer = csv.writer(file)
        writer.writerow([escape_cell(column) for column in columns])
        writer.writerows([format_cell(row.get(column)) for column in columns] for row in rows)


def read_csv(path: Path) -> list[dict[str, str]]:
    """Return the rows that `write_csv` wrote, as texts by column.

    Raises:
        ValueError: If the file is not as `write_csv` writes it.
    """
    return list(iterate_csv(path))


def iterate_csv(path: Path) -> Iterator[dict[str, str]]:
    """Yield the rows that `write_csv` wrote, one at a time, as texts by column.

    Raises:
        ValueError: If the file is not as `write_csv` writes it.
    """
    csv.field_size_limit(2**31 - 1)  # a cell may be longer than Python's default limit, 131,072 characters
    try:
        with path.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file, strict=True)
            for row in reader:
                # DictReader stores surplus cells under the key None, and None for missing cells.
                if None in row or None in row.values():
                    wanted = len(reader.fieldnames or ())
                    raise ValueError(
                        f"line {reader.line_num}: expected {wanted} cells as in the header, but got another number"
                    )
                yield {unescape_cell(name): unescape_cell(cell) for name, cell in row.items()}
    except (ValueError, csv.Error) as error:  # UnicodeDecodeError is a ValueError
        raise ValueError(f"{path}: expected a CSV file in UTF-8 as Patois writes it: {error}.") from error
