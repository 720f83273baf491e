"""The value that every source gives: the rows that were read, and those that were set aside with the reason."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa

TEXT_LIMIT = 200


@dataclass(frozen=True)
class SetAside:
    """A row that is not used, and why.

    Attributes:
        file: The file as it was given.
        line: The line where the row starts (Parquet: the number of the row), from 1.
        reason: What is wrong, in a few words.
        text: The first 200 characters of the row, with control characters escaped.
        task: The task that cannot use it; empty where the source could not be read there.
    """

    file: str
    line: int
    reason: str
    text: str
    task: str = ""


@dataclass(frozen=True)
class Rows:
    """The rows of a source: nothing is lost, `len(table) + len(set_aside) == total`.

    Attributes:
        table: N rows; every column holds strings or lists of strings, except flags of built-in data.
        lines: (N,) int64, ascending, the line of each row in its file (Parquet and built-in data: the number of the row), from 1.
        file: The file as it was given, or the name of the built-in source.
        set_aside: The rows that are not used, in the file's order.
        verified: True for built-in data whose molecules were checked when they were built.
        total: How many rows the source has.
        notes: What was decided when a file was read, for people: what was taken for what, and the flag that changes it.
    """

    table: pa.Table
    lines: np.ndarray
    file: str
    set_aside: list[SetAside]
    verified: bool
    total: int
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        kept = self.table.num_rows
        assert kept + len(self.set_aside) == self.total, (
            f"{self.file}: {kept} rows kept + {len(self.set_aside)} set aside != {self.total}"
        )
        assert self.lines.shape == (kept,), f"{self.file}: {kept} rows but lines of shape {self.lines.shape}"
        assert self.lines.dtype == np.int64, f"{self.file}: lines must be int64, not {self.lines.dtype}"
        assert (self.lines[1:] >= self.lines[:-1]).all(), f"{self.file}: lines must ascend"

    def amend(self, notes: tuple[str, ...], cut: SetAside | None = None) -> Rows:
        """Return the rows with notes before their own, and with the row at which the file was cut off, if it was."""
        if not notes and cut is None:
            return self
        lost = [] if cut is None else [cut]
        aside = [*self.set_aside, *lost]
        return replace(self, notes=(*notes, *self.notes), set_aside=aside, total=self.total + len(lost))

    def cells_by_line(self, lines: Sequence[int] | None = None) -> dict[int, dict[str, str]]:
        """Return the cells of each row that was read, by its line; a list is written as JSON.

        Args:
            lines: Only these, of which some may be lines that could not be read; by default all.
        """
        found, table = self.lines, self.table
        if lines is not None:
            places = np.searchsorted(found, lines, side="right") - 1
            places = places[(places >= 0) & (found[places] == lines)] if len(found) else places[:0]
            found, table = found[places], table.take(pa.array(places))
        rows = zip(found.tolist(), table.to_pylist(), strict=True)
        return {line: {name: _write(cell) for name, cell in cells.items()} for line, cells in rows}


def _write(cell: Any) -> str:
    return cell if isinstance(cell, str) else "" if cell is None else json.dumps(cell, ensure_ascii=False)


def built_in(name: str, table: pa.Table) -> Rows:
    """Return the rows of a built-in source, all of them kept and checked before."""
    lines = np.arange(1, table.num_rows + 1, dtype=np.int64)
    return Rows(table=table, lines=lines, file=name, set_aside=[], verified=True, total=table.num_rows)


def shown(text: str) -> str:
    r"""Return the first 200 characters of a row with control characters and broken bytes written as escapes.

    Args:
        text: A row; a byte that is not UTF-8 stands as the lone surrogate that `surrogateescape` makes of it.

    Examples:
        >>> shown("ethanol\tC\x00")
        'ethanol\\tC\\x00'
    """
    return "".join(
        character
        if character.isprintable()
        else f"\\x{ord(character) - 0xDC00:02x}"
        if "\udc00" <= character <= "\udcff"
        else character.encode("unicode_escape").decode("ascii")
        for character in text[:TEXT_LIMIT]
    )
