"""Text columns without a Python object per row: Arrow holds the strings, numpy maps each row to its string.

Legend: N rows, M strings (each distinct string is kept once, so string operations run M times instead of N times).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, overload

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray


def as_strings(texts: Any) -> pa.LargeStringArray:
    """Return texts as one Arrow array with 64-bit offsets (32-bit offsets end at 2 GB of text).

    Args:
        texts: A `TextColumn`, an Arrow array or chunked array of text, or a list of strings.
    """
    if isinstance(texts, TextColumn):
        return texts.values.take(pa.array(texts.codes))
    if isinstance(texts, (pa.Array, pa.ChunkedArray)):
        whole = texts.combine_chunks() if isinstance(texts, pa.ChunkedArray) else texts
        whole = whole.dictionary_decode() if pa.types.is_dictionary(whole.type) else whole
        return whole.cast(pa.large_string())
    return pa.array(texts, pa.large_string())


@dataclass(frozen=True, eq=False)
class TextColumn(Sequence[str]):
    """N strings.

    Examples:
        >>> column = TextColumn.of(["ethanol", "water", "ethanol"])
        >>> column.values.to_pylist(), column.codes.tolist(), column[2]
        (['ethanol', 'water'], [0, 1, 0], 'ethanol')
    """

    values: pa.LargeStringArray
    """(M,) the strings that occur; duplicates are allowed."""
    codes: NDArray[np.integer]
    """(N,) the index in `values` of each row's string."""

    @staticmethod
    def of(texts: Any) -> TextColumn:
        """Keep each distinct text once, in order of first occurrence; accepts the types that `as_strings` accepts."""
        if isinstance(texts, TextColumn):
            return texts
        encoded = as_strings(texts).dictionary_encode()
        return TextColumn(encoded.dictionary, encoded.indices.to_numpy())

    @staticmethod
    def join(columns: Sequence[TextColumn]) -> TextColumn:
        """Concatenate columns; each distinct text is kept once."""
        if len(columns) == 1:
            return columns[0]
        merged = TextColumn.of(pa.chunked_array([column.values for column in columns], pa.large_string()))
        starts = np.cumsum([0] + [len(column.values) for column in columns])
        codes = [column.codes + start for column, start in zip(columns, starts, strict=False)]
        return TextColumn(merged.values, merged.codes[np.concatenate([merged.codes[:0], *codes])])

    def __len__(self) -> int:
        return len(self.codes)

    @overload
    def __getitem__(self, row: int) -> str: ...

    @overload
    def __getitem__(self, row: slice) -> list[str]: ...

    def __getitem__(self, row: Any) -> Any:
        if isinstance(row, slice):
            return self.values.take(pa.array(self.codes[row])).to_pylist()
        return self.values[int(self.codes[row])].as_py()

    def __iter__(self) -> Iterator[str]:
        return iter(self[:])

    def take(self, rows: NDArray[np.int64]) -> TextColumn:
        """Return the given rows, (R,), with only the strings that they use."""
        codes = self.codes[rows]
        if len(codes) < len(self.values) // 8:
            few, places = np.unique(codes, return_inverse=True)
            return TextColumn(self.values.take(pa.array(few)), places.astype(np.int32))
        used = np.zeros(len(self.values), dtype=bool)
        used[codes] = True
        if used.all():
            return TextColumn(self.values, codes)
        places = (np.cumsum(used) - 1).astype(np.int32)
        return TextColumn(self.values.take(pa.array(np.flatnonzero(used))), places[codes])

    def map(self, function: Callable[[pa.LargeStringArray], Any]) -> TextColumn:
        """Return the column with `function` applied to all its strings at once."""
        return TextColumn.of(function(self.values)).spread(self.codes)

    def spread(self, rows: NDArray[np.integer]) -> TextColumn:
        """Return the texts of the given rows, (R,), with all values."""
        return TextColumn(self.values, self.codes[rows])

    def composed(self) -> TextColumn:
        """Return the column in Unicode's composed form (NFC), in which canonically equal texts are equal."""
        return self.map(lambda values: pc.utf8_normalize(values, "NFC"))


@dataclass(frozen=True)
class TextLists:
    """N lists of strings."""

    offsets: NDArray[np.int64]
    """(N + 1,) the start of each list in `values`."""
    values: pa.LargeStringArray
    """(M,) all entries, list after list."""

    @staticmethod
    def empty(count: int) -> TextLists:
        """Return `count` empty lists."""
        return TextLists(np.zeros(count + 1, dtype=np.int64), as_strings([]))

    @staticmethod
    def of(lists: Sequence[Sequence[str]]) -> TextLists:
        """Store lists of texts."""
        offsets = np.cumsum([0] + [len(entry) for entry in lists], dtype=np.int64)
        return TextLists(offsets, as_strings([text for entry in lists for text in entry]))

    @staticmethod
    def of_arrow(column: pa.ChunkedArray) -> TextLists:
        """Store an Arrow column of lists; a missing list becomes an empty one."""
        lists = column.cast(pa.large_list(pa.large_string())).combine_chunks()
        lengths = lists.value_lengths().fill_null(0).to_numpy()
        offsets = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(lengths, dtype=np.int64)])
        return TextLists(offsets, lists.flatten())

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, row: int) -> list[str]:
        entries: list[str] = self.values[int(self.offsets[row]) : int(self.offsets[row + 1])].to_pylist()
        return entries

    @property
    def lengths(self) -> NDArray[np.int64]:
        """(N,) entries of each list."""
        return np.diff(self.offsets)

    def first(self) -> pa.LargeStringArray:
        """Return the first entry of each list, (N,), and an empty string for an empty list."""
        places = pa.array(self.offsets[:-1], mask=self.lengths == 0)
        return self.values.take(places).fill_null("")

    def rest(self) -> TextLists:
        """Return the lists without their first entries."""
        keep = np.ones(len(self.values), dtype=bool)
        keep[self.offsets[:-1][self.lengths > 0]] = False
        return self.filter(keep)

    def filter(self, keep: NDArray[np.bool_]) -> TextLists:
        """Return the lists with only the entries for which `keep`, (M,), is true."""
        kept = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(keep, dtype=np.int64)])
        return TextLists(kept[self.offsets], self.values.filter(pa.array(keep)))

    def take(self, rows: NDArray[np.int64]) -> TextLists:
        """Return the lists of the given rows, (R,)."""
        places, offsets = gather(self.offsets, rows)
        return TextLists(offsets, self.values.take(pa.array(places)))

    def extend(self, other: TextLists) -> TextLists:
        """Return each list followed by the other's list of the same row."""
        rows = np.concatenate([np.repeat(np.arange(len(self)), lists.lengths) for lists in (self, other)])
        values = pa.concat_arrays([self.values, other.values])
        return TextLists(self.offsets + other.offsets, values.take(pa.array(np.argsort(rows, kind="stable"))))


def gather(
    offsets: NDArray[np.int64], rows: NDArray[np.integer]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the positions of some rows' items in a flat array, and the offsets of these rows among them.

    Args:
        offsets: (N + 1,) the start of each row in the flat array.
        rows: (R,) row numbers.

    Returns:
        The positions of all their items, row after row, and (R + 1,) new offsets.

    Examples:
        >>> offsets = np.array([0, 3, 5, 9])  # three rows of 3, 2 and 4 items
        >>> places, starts = gather(offsets, np.array([2, 0]))
        >>> places.tolist(), starts.tolist()
        ([5, 6, 7, 8, 0, 1, 2], [0, 4, 7])
    """
    lengths = offsets[rows + 1] - offsets[rows]
    starts = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(lengths, dtype=np.int64)])
    places = np.repeat(offsets[rows] - starts[:-1], lengths) + np.arange(starts[-1])
    return places, starts
