"""Windows over the long column of an input: a row that does not fit is asked once for each window.

The windows of a row are a function of its input, the format, the tokenizer and the flags, never of its answer: `predict` asks in
the same windows as `test`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Any

import numpy as np
from numpy.typing import NDArray

from configs.lookup import suggest
from datamodules.rows.task_rows import TaskRows
from datamodules.storage.text_columns import TextColumn, as_strings
from datamodules.tasks import Side, Task
from datamodules.tokens.examples import Encoded, tokenize

ANSWER_SHARE = 8
"""One part in so many of `--data.max_length` is kept for the answer: an input that leaves less is asked in windows."""
_LEAST = (
    4  # tokens of a window; where a question leaves less, the row is too long as it would be without windows
)

EncodeRows = Callable[[NDArray[np.int64]], Encoded]


def check_window_column(tasks: Sequence[Task], column: str) -> None:
    """Raise ValueError unless a task has the column once in an input that is text."""
    known = list(dict.fromkeys(name for task in tasks for name in task.input.columns))
    sides = [task.input for task in tasks if column in task.input.columns]
    if not sides:
        raise ValueError(
            f"Expected --data.window_column to be a column of an input ({', '.join(known)}), but got {column!r}."
            f"{suggest(column, known)}"
        )
    for side in sides:
        _check_side(side, column)


def _check_side(side: Side, column: str) -> None:
    """Raise ValueError unless a column stands once in an input that is text: other notations have no parts of their own."""
    if side.columns.count(column) > 1 or side.notation != "text" or side.mask:
        why = f"is {side.notation}" if side.notation != "text" else f"has it twice ({side.template!r})"
        why = "is masked" if side.mask else why
        raise ValueError(
            f"Expected --data.window_column {column} to stand once in an input of the notation text, but the input {why}. "
            "Leave the flag out, or give --data.input_notation text."
        )


def find_windows(counts: Sequence[int], size: int, stride: int) -> list[tuple[int, int]]:
    """Return the windows over pieces of a text: first piece, and the piece behind the last one.

    Args:
        counts: (P,) the tokens of each piece, each at most `size`.
        size: Most tokens of a window.
        stride: Tokens from the beginning of a window to that of the next; no piece is left out, however large it is.

    Examples:
        >>> find_windows([2, 2, 2, 2, 2], size=4, stride=2)
        [(0, 2), (1, 3), (2, 4), (3, 5)]
        >>> find_windows([2, 2, 2, 2, 2], size=4, stride=9), find_windows([1, 1], size=4, stride=2)
        ([(0, 2), (2, 4), (4, 5)], [(0, 2)])
    """
    ends = np.concatenate([[0], np.cumsum(counts)])
    found, first = list[tuple[int, int]](), 0
    while True:
        behind = int(np.searchsorted(ends, ends[first] + size, side="right")) - 1
        found.append((first, behind))
        if behind >= len(counts):
            return found
        following = int(np.searchsorted(ends, ends[first] + stride, side="right")) - 1
        first = min(max(following, first + 1), behind)


def find_answer(text: str, answer: str) -> tuple[int, int] | None:
    """Return where an answer first stands in a text: as whole words, else anywhere; None if it does not.

    Examples:
        >>> find_answer("In 1921 and 21 others", "21"), find_answer("no", "yes")
        ((12, 14), None)
    """
    word = re.search(rf"(?<!\w){re.escape(answer)}(?!\w)", text) if answer else None
    if word is not None:
        return word.span()
    place = text.find(answer) if answer else -1
    return (place, place + len(answer)) if place >= 0 else None


def choose_window(spans: Sequence[tuple[int, int]], answer: tuple[int, int] | None) -> int:
    """Return the number of the first window that contains the answer, from 0; without one, the first.

    Examples:
        >>> choose_window([(0, 9), (5, 14), (10, 19)], (7, 12)), choose_window([(0, 9), (5, 14)], None)
        (1, 0)
    """
    if answer is None:
        return 0
    return next((n for n, (start, end) in enumerate(spans) if start <= answer[0] and answer[1] <= end), 0)


@dataclass(frozen=True)
class WindowedRows:
    """N rows, the long ones cut to one window each, and the F further windows of these; S = N + F."""

    parts: list[TaskRows]
    """The rows, part after part, then the further windows in parts of their own. Originals and identities are those of the
    whole rows."""
    row_of: NDArray[np.int64]
    """(S,) the number of the row that each asks."""
    windows: NDArray[np.int64]
    """(S,) the number of its window, from 1; 0 for a row that is asked as a whole."""
    counts: NDArray[np.int64]
    """(N,) the number of windows of each row; 0 for a row that is asked as a whole."""

    def further(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the numbers of the further windows of some rows, window after window of the first row, then the second, ..."""
        first = len(self.counts)
        order = np.argsort(self.row_of[first:], kind="stable")
        lists = np.split(first + order, np.cumsum(np.bincount(self.row_of[first:], minlength=first))[:-1])
        return np.concatenate([np.zeros(0, dtype=np.int64), *(lists[row] for row in rows.tolist())])


@dataclass(frozen=True)
class Windows:
    """The flags of windows: how long inputs are cut.

    Args:
        column: The column that is cut.
        stride: Tokens from the beginning of a window to that of the next; None for half a window.
        max_length: Most tokens of prompt, completion and stop token.
        tokenizer: The base's tokenizer.
    """

    column: str
    stride: int | None
    max_length: int
    tokenizer: Any

    def cut(self, parts: Sequence[TaskRows], encode: EncodeRows) -> WindowedRows:
        """Return the rows with the long ones cut.

        Args:
            parts: The rows, part after part; without outputs, the first window is the one to learn from.
            encode: Tokenises rows by their numbers.
        """
        mains, furthers = list[TaskRows](), list[TaskRows]()
        starts = np.cumsum([0] + [len(part) for part in parts])
        row_of, windows, counts = (
            [np.arange(starts[-1])],
            np.zeros(starts[-1], np.int64),
            np.zeros(starts[-1], np.int64),
        )
        further_windows = [np.zeros(0, dtype=np.int64)]
        for part, start in zip(parts, starts[:-1].tolist(), strict=True):
            cuts = self._cut_part(part, encode(start + np.arange(len(part))).prompt_lengths)
            mains.append(_with_inputs(part, {place: cut[main] for place, (cut, main) in cuts.items()}))
            others = [
                (place, number, text)
                for place, (cut, main) in cuts.items()
                for number, text in enumerate(cut)
                if number != main
            ]
            for place, (cut, main) in cuts.items():
                windows[start + place], counts[start + place] = main + 1, len(cut)
            places = np.array([place for place, _, _ in others], dtype=np.int64)
            if len(places):
                texts = TextColumn.of([text for _, _, text in others])
                furthers.append(replace(part.take(places), inputs=texts, set_aside=[]))
                row_of.append(start + places)
                further_windows.append(np.array([number + 1 for _, number, _ in others], dtype=np.int64))
        return WindowedRows(
            [*mains, *furthers], np.concatenate(row_of), np.concatenate([windows, *further_windows]), counts
        )

    def _cut_part(self, part: TaskRows, lengths: NDArray[np.int64]) -> dict[int, tuple[list[str], int]]:
        """Return the inputs of each long row's windows, by its place, and the number of the window to learn from.

        Args:
            part: Rows of one task.
            lengths: (N,) tokens of their prompts.
        """
        side, most = part.task.input, self.max_length - self.max_length // ANSWER_SHARE
        if self.column not in side.columns:
            return {}
        _check_side(side, self.column)  # again: a notation may have been guessed from the cells
        cuts = dict[int, tuple[list[str], int]]()
        for place in np.flatnonzero(lengths > most).tolist():
            text = part.inputs[place]
            start, end = _find_cell(part, side, self.column, place, text)
            spans = self._find_spans(text[start:end], most - int(lengths[place]))
            if len(spans) > 1:
                texts = [text[:start] + text[start + a : start + b] + text[end:] for a, b in spans]
                cuts[place] = texts, choose_window(spans, find_answer(text[start:end], part.outputs[place]))
        return cuts

    def _find_spans(self, cell: str, room: int) -> list[tuple[int, int]]:
        """Return where the windows over a text begin and end; none if they would be too small.

        Args:
            cell: The text.
            room: Tokens that the whole prompt leaves free; below 0, since it is too long.
        """
        pieces = re.findall(r"\s*\S+|\s+$", cell)
        counts = self._count(pieces)
        size = self._count([cell])[0] + room
        if size < _LEAST:
            return []
        if max(counts) > size:  # a text without white space is cut anywhere
            pieces = [
                one
                for piece, count in zip(pieces, counts, strict=True)
                for one in (piece if count > size else [piece])
            ]
            counts = [min(count, size) for count in self._count(pieces)]
        ends = [0, *accumulate(map(len, pieces))]
        blanks = [len(piece) - len(piece.lstrip()) for piece in pieces]
        found = find_windows(counts, size, min(self.stride or max(size // 2, 1), size))
        return [(ends[first] + blanks[first], ends[behind]) for first, behind in found]

    def _count(self, pieces: Sequence[str]) -> list[int]:
        """Return the tokens of each piece; each different one is tokenised once."""
        column = TextColumn.of(pieces)
        lengths: list[int] = (
            tokenize(self.tokenizer, as_strings(column.values), False).lengths[column.codes].tolist()
        )
        return lengths


def _find_cell(part: TaskRows, side: Side, column: str, place: int, text: str) -> tuple[int, int]:
    """Return where a column's text begins and ends in a row's input."""
    if part.spans is None:
        return 0, len(text)
    start, end = part.spans[place, list(dict.fromkeys(side.columns)).index(column)].tolist()
    return start, end


def _with_inputs(part: TaskRows, inputs: dict[int, str]) -> TaskRows:
    """Return rows with other inputs at some places."""
    if not inputs:
        return part
    values = TextColumn.of(list(inputs.values()))
    both = TextColumn.join([part.inputs, values])
    places = np.arange(len(part))
    places[list(inputs)] = len(part) + np.arange(len(inputs))
    return replace(part, inputs=both.take(places))
