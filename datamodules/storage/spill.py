"""Arrays and texts that grow on disk and are read as memory-mapped files, so that a table may be larger than the memory.

The files have no name: they are removed as they are opened, so nothing remains of them when the process ends, however it ends.
They lie in Python's folder of temporary files, which the environment variable TMPDIR sets.
"""

from __future__ import annotations

import hashlib
import mmap
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from typing import IO, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from datamodules.storage.text_columns import TextColumn, TextLists

BLOCK = 1 << 17
"""Rows that are handled at once where a table may be large."""


PART = 1 << 19
"""Rows of a table that are checked at once. A table of more is checked part by part, and its columns lie in files."""


def blocks_of(rows: NDArray[Any], size: int | None = None) -> Iterator[NDArray[Any]]:
    """Yield rows in blocks of at most `size`, by default `BLOCK`; nothing for no rows.

    Examples:
        >>> [block.tolist() for block in blocks_of(np.arange(5), 2)]
        [[0, 1], [2, 3], [4]]
    """
    step = BLOCK if size is None else size
    for start in range(0, len(rows), step):
        yield rows[start : start + step]


def each_text(texts: Any) -> Iterator[str]:
    """Yield texts of a `TextColumn`, an Arrow array or a list as Python strings, which are made a block at a time.

    A Python string takes 49 bytes more than its characters.
    """
    for start in range(0, len(texts), BLOCK):
        block = texts[start : start + BLOCK]
        yield from block if isinstance(block, list) else block.to_pylist()


def hash_texts(texts: Iterable[str]) -> NDArray[np.uint64]:
    """Return a hash of each text (BLAKE2b, 64 bits).

    Examples:
        >>> hash_texts(["ethanol", "ethanol"]).tolist() == [hash_texts(["ethanol"])[0]] * 2
        True
    """
    found, rest = [np.zeros(0, dtype=np.uint64)], iter(texts)
    while block := list(islice(rest, BLOCK)):
        digests = (hashlib.blake2b(text.encode(), digest_size=8).digest() for text in block)
        found.append(np.frombuffer(b"".join(digests), dtype="<u8").astype(np.uint64))
    return np.concatenate(found)


@contextmanager
def _expect_room() -> Iterator[None]:
    """Say in a line what to do when the disk is full."""
    try:
        yield
    except OSError as error:
        raise ValueError(
            f"Expected room for a large table in {tempfile.gettempdir()}, the folder of temporary files, but got {error}: set "
            "the environment variable TMPDIR to a folder on a larger disk."
        ) from error


class ArraySpill:
    """Numbers that are appended to a file.

    Args:
        kind: Their dtype.
        width: The shape of a row of numbers; none for single numbers.

    Examples:
        >>> spill = ArraySpill(np.int64)
        >>> spill.add(np.arange(3))
        >>> spill.add(np.arange(2))
        >>> spill.finish().tolist()
        [0, 1, 2, 0, 1]
    """

    def __init__(self, kind: Any, width: tuple[int, ...] = ()) -> None:
        self.kind, self.width = np.dtype(kind), width
        self._file: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 (`finish` closes it)
        self.count = 0
        """Numbers, or rows of numbers, so far."""

    def add(self, numbers: NDArray[Any]) -> None:
        """Append numbers."""
        with _expect_room():
            self._file.write(np.ascontiguousarray(numbers, dtype=self.kind).data.cast("B"))
        self.count += len(numbers)

    def read(self) -> NDArray[Any]:
        """Return the numbers so far, mapped."""
        with _expect_room():
            self._file.flush()
        if not self.count:
            return np.zeros((0, *self.width), dtype=self.kind)
        content = mmap.mmap(self._file.fileno(), 0, access=mmap.ACCESS_READ)
        return np.frombuffer(content, dtype=self.kind).reshape(-1, *self.width)

    def finish(self) -> NDArray[Any]:
        """Return all numbers, mapped; nothing can be appended afterwards."""
        with self._file:
            return self.read()


class TextSpill:
    """Texts that are appended to a file.

    Examples:
        >>> spill = TextSpill()
        >>> spill.add(pa.array(["a", "bc"], pa.large_string()))
        >>> spill.finish().to_pylist()
        ['a', 'bc']
    """

    def __init__(self) -> None:
        self._offsets, self._letters = ArraySpill(np.int64), ArraySpill(np.uint8)
        self._offsets.add(np.zeros(1, dtype=np.int64))

    def __len__(self) -> int:
        return self._offsets.count - 1

    def add(self, texts: pa.LargeStringArray) -> None:
        """Append texts; none may be null."""
        assert texts.null_count == 0, "expected texts, but some are null"
        if not len(texts):
            return
        _, offsets, letters = texts.buffers()
        places = np.frombuffer(offsets, dtype=np.int64)[texts.offset : texts.offset + len(texts) + 1]
        start = self._letters.count
        if letters is not None:
            self._letters.add(np.frombuffer(letters, dtype=np.uint8)[places[0] : places[-1]])
        self._offsets.add(places[1:] - places[0] + start)

    def read(self) -> pa.LargeStringArray:
        """Return the texts so far, mapped."""
        return _join_buffers(self._offsets.read(), self._letters.read())

    def finish(self) -> pa.LargeStringArray:
        """Return all texts, mapped; nothing can be appended afterwards."""
        return _join_buffers(self._offsets.finish(), self._letters.finish())


def _join_buffers(offsets: NDArray[np.int64], letters: NDArray[np.uint8]) -> pa.LargeStringArray:
    return pa.LargeStringArray.from_buffers(len(offsets) - 1, pa.py_buffer(offsets), pa.py_buffer(letters))


class ColumnSpill:
    """Columns that are appended; a text that stands in two of them stands twice among the values."""

    def __init__(self) -> None:
        self._values, self._codes = TextSpill(), ArraySpill(np.int32)

    def add(self, column: TextColumn) -> None:
        """Append a column's rows."""
        assert len(self._values) + len(column.values) < 1 << 31, "codes have 32 bits"
        self._codes.add(column.codes + len(self._values))
        self._values.add(column.values)

    def read(self) -> TextColumn:
        """Return the rows so far, mapped."""
        return TextColumn(self._values.read(), self._codes.read())

    def finish(self) -> TextColumn:
        """Return all rows, mapped; nothing can be appended afterwards."""
        return TextColumn(self._values.finish(), self._codes.finish())


class ListSpill:
    """Lists of texts that are appended."""

    def __init__(self) -> None:
        self._offsets, self._values = ArraySpill(np.int64), TextSpill()
        self._offsets.add(np.zeros(1, dtype=np.int64))

    def add(self, lists: TextLists) -> None:
        """Append lists."""
        first, last = int(lists.offsets[0]), int(lists.offsets[-1])
        self._offsets.add(lists.offsets[1:] - first + len(self._values))
        self._values.add(lists.values[first:last])

    def finish(self) -> TextLists:
        """Return all lists, mapped."""
        return TextLists(self._offsets.finish(), self._values.finish())


Column = TextColumn | TextLists | NDArray[Any]
"""Something with an entry a row."""


def spill_like(column: Column) -> ColumnSpill | ListSpill | ArraySpill:
    """Return an empty file for entries of a column's kind."""
    if isinstance(column, TextColumn):
        return ColumnSpill()
    return ListSpill() if isinstance(column, TextLists) else ArraySpill(column.dtype, column.shape[1:])


def take_rows(column: Any, rows: NDArray[np.int64]) -> Any:
    """Return some rows' entries of a column, or None without a column.

    Those of a large table go to a file, where a text may stand several times among a column's values.
    """
    if column is None:
        return None
    if len(rows) <= PART:
        return column[rows] if isinstance(column, np.ndarray) else column.take(rows)
    taken = spill_like(column)
    for block in blocks_of(rows):
        taken.add(column[block] if isinstance(column, np.ndarray) else column.take(block))
    return taken.finish()


class TableSpill:
    """A table that grows by rows.

    Args:
        schema: Its columns.
        in_memory: Whether it stays in memory, and not in a file.
    """

    def __init__(self, schema: pa.Schema, *, in_memory: bool) -> None:
        self.schema = schema
        self._tables = [schema.empty_table()]
        self._file: IO[bytes] | None = None if in_memory else tempfile.TemporaryFile()  # noqa: SIM115 (`finish` closes it)
        self._writer = None if self._file is None else pa.ipc.new_stream(self._file, schema)

    def add(self, table: pa.Table) -> None:
        """Append rows."""
        if self._writer is None:
            self._tables.append(table)
        else:
            with _expect_room():
                self._writer.write_table(table)

    def finish(self) -> pa.Table:
        """Return all rows; those of a file are mapped."""
        if self._file is None or self._writer is None:
            return pa.concat_tables(self._tables)
        with self._file:
            with _expect_room():
                self._writer.close()
                self._file.flush()
            content = mmap.mmap(self._file.fileno(), 0, access=mmap.ACCESS_READ)
        return pa.ipc.open_stream(pa.py_buffer(content)).read_all()
