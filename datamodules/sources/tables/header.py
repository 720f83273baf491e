"""Whether the first row of a table holds column names, and which names columns get that have none.

The cells decide: a row of names stands out above columns of numbers and molecules, a row of data does not. Where nothing
tells (words above words), the first row is taken for names, and a line says so.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import NamedTuple

from datamodules.notations import number
from datamodules.sources.rows import shown
from datamodules.sources.tables.options import AUTO, TableOptions
from datamodules.sources.tables.separator import holds_locants

SAMPLE = 50
"""Rows that are looked at below the first."""
_MOST = 0.8  # a column is of a kind if so many of its cells are
_LONGEST = 200  # characters of a SMILES that is worth parsing for this
_LONGEST_NAME = 3  # words
# Names that columns have; none of them is a molecule or a number.
_KNOWN = frozenset({
    "smiles", "smi", "structure", "selfies", "inchi", "inchikey", "iupac", "name", "names", "title", "id",
    "cid", "cas", "formula", "synonym", "synonyms", "reaction", "rxn", "split", "input", "output", "question",
    "answer", "prompt", "completion", "target", "label", "class", "text", "word", "words", "phonemes", "value",
    "activity",
})  # fmt: skip
_LINE_NOTATION = re.compile(r"InChI=|[A-Z]{14}-[A-Z]{10}-[A-Z]$")


class Header(NamedTuple):
    """The names of the columns."""

    names: list[str]
    in_file: bool
    """Whether the first row holds them, so that it is no data."""
    note: str
    """What was decided, where it was not plain; else an empty string."""


def clean_names(file: str, cells: Sequence[str], where: str = ", line 1") -> list[str]:
    """Return column names in Unicode's composed form, without white space around them; one that is empty gets a number.

    Raises:
        ValueError: If all are empty, or one stands twice.
    """
    names = [unicodedata.normalize("NFC", cell).strip() for cell in cells]
    if not any(names):
        raise ValueError(
            f"{file}{where}: expected a header line with column names, but it is empty: "
            "add one, or say --data.header false."
        )
    names = [name or f"column_{place}" for place, name in enumerate(names, start=1)]
    refuse_twice(file, names, where)
    return names


def refuse_twice(file: str, names: Sequence[str], where: str = "") -> None:
    """Raise ValueError if two columns have one name."""
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(
            f"{file}{where}: expected different column names, but these come twice: {twice}: rename them."
        )


def find_header(file: str, rows: Sequence[Sequence[str]], options: TableOptions) -> Header:
    """Return the names of the columns of a table.

    Args:
        file: The name for messages.
        rows: The first row and some below it.
        options: `header` decides, unless it is `auto`.

    Raises:
        ValueError: If there is no row, or the names are empty or stand twice.
    """
    first = rows[0] if rows else []
    widths = [len(row) for row in rows if any(cell.strip() for cell in row)]
    width = max(set(widths), key=widths.count) if widths else 0
    numbered = [f"column_{place}" for place in range(1, width + 1)]
    if options.header is False and width:
        return Header(numbered, False, "")
    found = True if options.header != AUTO else holds_names(first, rows[1 : SAMPLE + 1])
    if found is False:
        names = f"{numbered[0]} to {numbered[-1]}" if width > 1 else numbered[0]
        note = (
            f"no header line (line 1 is data, {_show(first)}), so its columns are called {names}; "
            "if line 1 holds names: --data.header true"
        )
        return Header(numbered, False, note)
    note = ""
    if found is None:
        note = f"line 1 is taken for the column names ({_show(first)}); if it is data: --data.header false"
    return Header(clean_names(file, first), True, note)


def _show(cells: Sequence[str]) -> str:
    text = ", ".join(shown(cell) for cell in cells)
    return text if len(text) <= 80 else f"{text[:77]}..."


def holds_names(first: Sequence[str], below: Sequence[Sequence[str]]) -> bool | None:
    """Say whether a row holds the names of the columns below it; None if nothing tells.

    >>> holds_names(["smiles", "name"], [["CCO", "ethanol"]])
    True
    >>> holds_names(["CCO", "m1"], [["CCN", "m2"], ["c1ccccc1", "m3"]])
    False
    >>> holds_names(["word", "back"], [["abc", "cba"]]), holds_names(["hello", "olleh"], [["abc", "cba"]])
    (True, None)
    """
    if not below:
        return True
    if any(re.sub(r"[\W_]+", "", cell.casefold()) in _KNOWN for cell in first):
        return True
    if any(holds_locants(cell) for cell in first):
        return False
    # A sentence is no name, and a class beside it that comes again is none, either.
    if any(len(cell.split()) > _LONGEST_NAME for cell in first) and any(
        cell.strip() in {row[place].strip() for row in below if place < len(row)}
        for place, cell in enumerate(first)
    ):
        return False
    votes = [
        _vote(cell, [row[place] for row in below if place < len(row)]) for place, cell in enumerate(first)
    ]
    if False in votes:
        # A name of a column (2019) can look like a cell of it, a cell that looks like no other one is a name.
        return True in votes
    return True if True in votes else None


def _vote(cell: str, column: Sequence[str]) -> bool | None:
    """Say whether a cell is a name (True) or one more cell (False) of the column below it; None if nothing tells."""
    filled = [text for text in (text.strip() for text in column) if text]
    cell = cell.strip()
    if not filled or not cell:
        return None
    for is_kind in (number.is_valid, _is_molecule):
        if sum(map(is_kind, filled)) >= _MOST * len(filled):
            return not is_kind(cell)
    return None


def _is_molecule(text: str) -> bool:
    """Say whether a cell can only be a molecule: a SMILES, perhaps with its title, an InChI or an InChIKey."""
    if _LINE_NOTATION.match(text):
        return True
    from datamodules.notations.molecules import structure  # a table with known names needs no RDKit

    smiles = text.split()[0]
    if len(smiles) > _LONGEST or smiles.isdigit():
        return False
    return all(not isinstance(structure.read(side), str) for side in re.split("(?<!-)>", smiles) if side)
