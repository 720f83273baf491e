"""The lines of a large file of plain UTF-8, read from the disk when they are asked for.

A list of all lines takes about 50 bytes a line more than the file. What is not plain (another encoding, a byte order mark, a NUL,
a broken byte, line ends of old Macs) is left to `text.read_text`, which reads a file whole.
"""

from __future__ import annotations

import codecs
from collections.abc import Sequence
from io import StringIO
from pathlib import Path
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from datamodules.sources.tables.encoding import has_mark

LARGE = 1 << 26
"""Bytes of the smallest file that is not read whole."""
_BLOCK = 1 << 24
_EVERY = 10_000
"""Lines of a block that is read at once."""


class FileLines(Sequence[str]):
    """The lines of a file with their ends, each a line feed; those of one block are in memory at a time.

    Args:
        path: The file.
        starts: The place of every 10,000th line in the file, and behind them its size.
        count: The number of lines.
    """

    def __init__(self, path: Path, starts: NDArray[np.int64], count: int) -> None:
        self.path, self.starts, self._total = path, starts, count
        self._number, self._block = -1, list[str]()

    def __len__(self) -> int:
        return self._total

    @overload
    def __getitem__(self, line: int) -> str: ...

    @overload
    def __getitem__(self, line: slice) -> list[str]: ...

    def __getitem__(self, line: Any) -> Any:
        if not isinstance(line, slice):
            if not 0 <= line < self._total:
                raise IndexError(line)
            return self._read(line // _EVERY)[line % _EVERY]
        first, last, step = line.indices(self._total)
        assert step == 1, "lines are read in their order"
        found: list[str] = []
        while first < last:
            block, place = self._read(first // _EVERY), first % _EVERY
            found += block[place : place + last - first]
            first += min(len(block) - place, last - first)
        return found

    def _read(self, number: int) -> list[str]:
        """Return a block's lines."""
        if number != self._number:
            with self.path.open("rb") as file:
                file.seek(self.starts[number])
                data = file.read(int(self.starts[number + 1] - self.starts[number]))
            text = data.decode("utf-8").replace("\r\n", "\n")
            self._number, self._block = number, list(StringIO(text, newline="\n"))
        return self._block


def index_lines(path: Path) -> FileLines | None:
    """Return the lines of a large file, or None if it is small or not plain UTF-8 with line feeds.

    Args:
        path: A file that is not compressed.
    """
    size = path.stat().st_size
    if size < LARGE:
        return None
    decoder = codecs.getincrementaldecoder("utf-8")()
    starts, feeds, place, last = [np.zeros(1, dtype=np.int64)], 0, 0, b""
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            if (place == 0 and has_mark(block)) or b"\0" in block:
                return None
            try:
                decoder.decode(block)
            except UnicodeDecodeError:
                return None
            ends = np.flatnonzero(np.frombuffer(block, dtype=np.uint8) == ord("\n"))
            # The line behind the feed number n begins a block if n is a multiple of the block's lines.
            starts.append(ends[(-feeds - 1) % _EVERY :: _EVERY] + place + 1)
            feeds, place, last = feeds + len(ends), place + len(block), block[-1:]
    try:
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return None
    if not feeds:
        return None
    found = np.concatenate(starts)
    found = np.concatenate([found[found < size], [size]])
    return FileLines(path, found, feeds + (last != b"\n"))
