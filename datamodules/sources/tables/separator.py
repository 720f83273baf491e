"""What stands between the cells of a text, found by the cells of its first lines and not by the header alone."""

from __future__ import annotations

import csv
import re
from typing import NamedTuple

SEPARATORS = ("\t", ";", "|", ",")
"""The likelier to separate, the earlier: a comma stands inside of numbers and names."""
ONE_COLUMN = "\x1f"
"""ASCII's unit separator, in no text: each line is one cell."""
NAMES = {"\t": "tab", ";": "semicolon", "|": "bar", ",": "comma", ONE_COLUMN: "none, one cell a line"}
FIRST_LINES = 200
"""Lines that are looked at."""
_TOLD = re.compile(r"sep=(.)\s*$")
_LOCANTS = re.compile(r"\d+[a-z]?'*(,\d+[a-z]?'*)+(?=-[(\[{a-zA-Z])")
"""Of a chemical name, as in 1,2-dichlorobenzene: no table's cells."""


class Separator(NamedTuple):
    """What stands between cells."""

    mark: str
    blanks: bool
    """Whether blanks follow it that belong to no cell, as in `"CC", "x"`."""


def find_told(lines: list[str]) -> str | None:
    r"""Return the separator that a first line `sep=;` tells, as Excel reads and writes it; None if there is no such line.

    >>> find_told(["sep=;\n", "a;b\n"]), find_told(["a;b\n"])
    (';', None)
    """
    found = _TOLD.match(lines[0]) if lines else None
    return found[1] if found else None


def holds_locants(text: str) -> bool:
    """Return whether a text holds numbers with commas as only chemical names do.

    >>> holds_locants("1,2-dichlorobenzene"), holds_locants("1,2")
    (True, False)
    """
    return _LOCANTS.search(text) is not None


def find_separator(lines: list[str], suffix: str) -> Separator:
    r"""Return what stands between the cells of a table.

    Args:
        lines: The lines of the text, with their ends.
        suffix: `.csv`, `.tsv` or `.txt`. Cells of a .tsv are separated by tabs; a .txt is more often a plain list.

    >>> find_separator(['a;"b, c"\n', '1;"2,5"\n'], ".csv").mark
    ';'
    >>> find_separator(["name\n", "1,2-dichlorobenzene\n"], ".csv") == Separator(ONE_COLUMN, False)
    True
    """
    told = find_told(lines)
    sample = [line for line in lines[told is not None : FIRST_LINES] if line.strip()]
    mark = told or "\t" if told or suffix == ".tsv" else _choose(sample, suffix == ".txt")
    # Only before a quote does a blank change what is read; all cells lose the white space around them later.
    blanks = mark != ONE_COLUMN and any(re.search(re.escape(mark) + ' +"', line) for line in sample)
    return Separator(mark, blanks)


def _choose(sample: list[str], often_plain: bool) -> str:
    if not any(mark in _LOCANTS.sub("", line) for line in sample for mark in SEPARATORS):
        return ONE_COLUMN
    scores = {mark: _measure(sample, mark) for mark in SEPARATORS}
    possible = [mark for mark in SEPARATORS if scores[mark].width > 1]
    if not possible:
        return ONE_COLUMN
    best = max(possible, key=lambda mark: scores[mark].share)
    # In a list of names some hold commas; in a table most lines have as many cells as the first.
    plain = often_plain and scores[best].share < 0.9
    return ONE_COLUMN if plain or scores[best].mostly_one else best


class _Score(NamedTuple):
    """What a separator makes of some lines."""

    width: int
    """Cells of the first row."""
    share: float
    """Of the other rows, those that have as many."""
    mostly_one: bool
    """Whether most other rows, of at least three, have one cell."""


def _measure(sample: list[str], mark: str) -> _Score:
    """Return what a separator makes of some lines."""
    widths: list[int] = []
    start = 0
    while start < len(sample):
        reader = csv.reader(sample[start:], delimiter=mark, strict=True, skipinitialspace=True)
        end = 0
        try:
            for cells in reader:
                widths.append(len(cells))
                end = reader.line_num
            break
        except csv.Error:
            widths.append(0)  # quotes inside of cells, as those around another separator's cells look
            start += end + 1
    if not widths or not widths[0]:
        return _Score(0, 0.0, False)
    width, others = widths[0], widths[1:]
    share = others.count(width) / len(others) if others else 1.0
    return _Score(width, share, len(others) >= 3 and others.count(1) > len(others) / 2)
