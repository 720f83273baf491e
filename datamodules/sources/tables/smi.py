"""Read .smi: a SMILES a line, then a blank or a tab and a title; with or without a header line."""

from __future__ import annotations

import re
from itertools import zip_longest
from pathlib import Path

import numpy as np
import pyarrow as pa

from datamodules.notations._checks import split_smiles
from datamodules.notations.molecules import structure
from datamodules.sources.rows import Rows, SetAside, shown
from datamodules.sources.tables.header import clean_names
from datamodules.sources.tables.options import AUTO, TableOptions
from datamodules.sources.tables.text import describe_bad_characters, read_text

COLUMNS = ("smiles", "title")


def read(path: Path, options: TableOptions) -> Rows:
    """Return the rows of a .smi or .smiles file, also gzipped, as the columns `smiles` and `title`.

    With a header line the columns have its names. A CXSMILES extension stays with its SMILES: the notation knows what to do
    with it. A missing title is empty; quotes are characters like others.

    Raises:
        ValueError: If a header line names a column twice.
    """
    text, file = read_text(path, options), str(path)
    lines = text.text.split("\n")
    if not lines[-1]:
        lines.pop()
    filled = [line for line in lines if line.strip()]
    tabs = sum("\t" in line for line in filled) > len(filled) / 2
    named = options.header if options.header != AUTO else bool(filled) and _is_header(filled[0])
    kept: list[list[str]] = []
    numbers: list[int] = []
    aside: list[SetAside] = []
    header: list[str] = []
    for number, line in enumerate(lines, start=1):
        reason = "empty row" if not line.strip() else "" if text.clean else describe_bad_characters(line)
        if reason:
            aside.append(SetAside(file, number, reason, shown(line)))
        elif named and not header:
            header = _split(line, tabs)
        else:
            kept.append(_split(line, tabs))
            numbers.append(number)
    names, note = _name_columns(file, header, max(2, *map(len, [*kept, header])))
    padded = [[*row, *[""] * (len(names) - len(row))] for row in kept]
    columns = list(zip(*padded, strict=True)) or [()] * len(names)
    table = pa.table([pa.array(column, pa.string()) for column in columns], names=names)
    places = np.array(numbers, dtype=np.int64)
    notes = () if options.header != AUTO else (note,)
    rows = Rows(table, places, file, aside, False, len(kept) + len(aside), notes)
    return rows.amend(text.notes, text.cut)


def _name_columns(file: str, header: list[str], width: int) -> tuple[list[str], str]:
    """Return the columns' names, and what was decided about them."""
    names = [*COLUMNS, *(f"column_{place}" for place in range(3, width + 1))]
    if not header:
        flag = "if line 1 holds names: --data.header true"
        return names, f"no header line, so its columns are called {', '.join(names)}; {flag}"
    given = [cell or name for cell, name in zip_longest(header, names[: max(width, 2)], fillvalue="")]
    names = clean_names(file, [cell or f"column_{place}" for place, cell in enumerate(given, start=1)])
    flag = "if it is a molecule: --data.header false"
    return names, f"line 1 is taken for the column names ({', '.join(names)}); {flag}"


def _split(line: str, tabs: bool) -> list[str]:
    """Return the cells of a line: the SMILES with its extension, the title, and what tabs separate behind it."""
    if tabs and "\t" in line:
        return [cell.strip() for cell in line.split("\t")]
    smiles, extension, title = split_smiles(line.strip())
    return [f"{smiles} {extension}".strip(), title.strip()]


def _is_header(line: str) -> bool:
    """Say whether a line names the columns: its first word is one of letters that is no molecule."""
    word = line.split()[0]
    return bool(re.fullmatch(r"#?[A-Za-z_]+", word)) and isinstance(structure.read(word.lstrip("#")), str)
