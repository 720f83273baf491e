"""Read JSON lines: one object a line, its keys are the columns; numbers keep the spelling they have in the file."""

from __future__ import annotations

import json
import re
import unicodedata
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from datamodules.sources.rows import Rows, SetAside, shown
from datamodules.sources.tables.options import TableOptions
from datamodules.sources.tables.text import describe_bad_characters, read_text

MAX_COLUMNS = 1000
_BAD = re.compile("[\ud800-\udfff]")
_LITERALS = {True: "true", False: "false", None: ""}
_CONSTANTS = {"NaN": None, "Infinity": "Infinity", "-Infinity": "-Infinity"}


def read(path: Path, options: TableOptions) -> Rows:
    """Return the rows of a .jsonl file, also gzipped.

    Raises:
        ValueError: If no line holds an object, so that there are no columns.
    """
    text = read_text(path, options)
    return read_lines(str(path), text.text, text.clean).amend(text.notes, text.cut)


def read_lines(file: str, text: str, clean: bool) -> Rows:
    """Return the rows of JSON lines.

    A column holds texts, or lists of texts if the first value it has is a list; missing keys, null and NaN become `""` or `[]`;
    an object inside a row becomes its JSON text.

    Args:
        file: The name for messages.
        text: The text with line feeds as line ends; lone surrogates stand for NUL and for bytes that are not UTF-8.
        clean: True if the text has no such character.

    Raises:
        ValueError: If no line holds an object, so that there are no columns.
    """
    columns: dict[str, list[Any]] = {}
    is_list: dict[str, bool] = {}
    kept: list[int] = []
    set_aside: list[SetAside] = []
    line = 0
    for line, raw in enumerate(StringIO(text, newline="\n"), start=1):
        values, reason = _row(raw, clean)
        reason = reason or _misfit(values, is_list)
        if reason:
            set_aside.append(SetAside(file, line, reason, shown(raw.rstrip("\n"))))
            continue
        for name, value in values.items():
            if name not in columns:
                columns[name] = []
            if name not in is_list and value is not None:
                is_list[name] = isinstance(value, list)
            cells = columns[name]
            if len(cells) < len(kept):
                cells.extend([None] * (len(kept) - len(cells)))  # rows before that lack this key
            cells.append(value)
        kept.append(line)
    if not columns:
        first = f" (line {set_aside[0].line}: {set_aside[0].reason})" if set_aside else ""
        raise ValueError(
            f'{file}: expected lines like {{"column": "text"}}, but none of {line} holds an object{first}.'
        )
    arrays = [_array(cells, len(kept), is_list.get(name, False)) for name, cells in columns.items()]
    table = pa.table(arrays, names=list(columns))
    numbers = np.array(kept, dtype=np.int64)
    return Rows(table, numbers, file, set_aside, verified=False, total=len(kept) + len(set_aside))


def _row(raw: str, clean: bool) -> tuple[dict[str, Any], str]:
    """Return the cells of a line (text, list of texts or None), or what is wrong with it."""
    if not raw.strip():
        return {}, "empty row"
    if not clean and (bad := describe_bad_characters(raw)):
        return {}, bad
    try:
        # As they are spelled: 1.50 stays 1.50, and a whole number of 5000 digits is no error.
        # NaN is how a missing number is written where null is not known.
        content = json.loads(raw, parse_float=str, parse_int=str, parse_constant=_CONSTANTS.get)
        if not isinstance(content, dict):
            kind = "list" if isinstance(content, list) else "value"
            return {}, f"a JSON {kind}, expected an object"
        content = {unicodedata.normalize("NFC", name): value for name, value in content.items()}
        values = {name: _cell(value) for name, value in content.items()}
        if any(isinstance(value, (dict, _Nested)) for value in values.values()):
            whole = {unicodedata.normalize("NFC", name): value for name, value in json.loads(raw).items()}
            values = {
                name: json.dumps(whole[name], ensure_ascii=False)
                if isinstance(value, (dict, _Nested))
                else value
                for name, value in values.items()
            }
    except RecursionError:
        return {}, "JSON is nested too deeply"
    except ValueError as error:
        return {}, f"invalid JSON ({error})"
    # "\ud800" in JSON is a character that no text can hold; "\u0000" breaks tools that come later.
    if "\\u" in raw and (reason := _bad_characters(values)):
        return {}, reason
    return values, ""


class _Nested:
    """Stands for a list that holds lists or objects."""


def _cell(value: Any) -> Any:
    if value is None or isinstance(value, (str, dict)):
        return value
    if isinstance(value, bool):
        return _LITERALS[value]
    if any(isinstance(item, (list, dict)) for item in value):
        return _Nested()
    return [item if isinstance(item, str) else _LITERALS[item] for item in value]


def _bad_characters(values: dict[str, Any]) -> str:
    """Return what is wrong with the characters of keys and values, or `""`."""
    for name, value in values.items():
        cells = value if isinstance(value, list) else [value or ""]
        for text in (name, *cells):
            if _BAD.search(text):
                return "lone surrogate (half of a character)"
            if "\0" in text:
                return "NUL character"
    return ""


def _misfit(values: dict[str, Any], is_list: dict[str, bool]) -> str:
    """Return why a row does not go with the rows before it, or `""`."""
    for name, value in values.items():
        if value is not None and is_list.get(name, isinstance(value, list)) != isinstance(value, list):
            kinds = ("a text", "a list")
            return (
                f"column {name!r} holds {kinds[not is_list[name]]}, expected {kinds[is_list[name]]} as before"
            )
    if len(is_list) + len(values) > MAX_COLUMNS and len({*is_list, *values}) > MAX_COLUMNS:
        return f"more than {MAX_COLUMNS} columns"
    return ""


def _array(cells: list[Any], rows: int, is_list: bool) -> pa.Array:
    """Return a column with `""` or `[]` where there is no value."""
    cells.extend([None] * (rows - len(cells)))
    empty: Any = [] if is_list else ""
    kind = pa.list_(pa.string()) if is_list else pa.string()
    return pa.array([empty if cell is None else cell for cell in cells], kind)
