"""The answers of `predict` in a journal beside the output, and in memory only where they stand: 32 bytes a row."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from callbacks.rows.windows import find_best
from datamodules.storage.journal import Journal

SUFFIX = ".unfinished"
"""Behind the output's name: the answers so far. The file is removed once the output is written."""


class Answer(NamedTuple):
    """The answer to a prompt."""

    row: int
    """The index of its row, which may be asked by several prompts."""
    rate: float
    """How probable it is, for a comparison of a row's windows."""
    cells: Mapping[str, Any]
    """Its cells by column; the number of its line is one."""
    words: str | None
    """Why it is not valid, in words that say who gave the reason."""


class StoredAnswers:
    """Answers by the index of their prompts, kept in a journal; those of an earlier, stopped command are known again.

    Args:
        path: The output.
        head: What answers depend on, as `describe_answers` gives it.
        count: Number of prompts.
        by: The cell by whose number the rows are ordered.

    Attributes:
        changed: Names of what differs from an earlier command, whose answers are dropped therefore.
        answered: `(count,)` whether a prompt has its answer.
    """

    def __init__(self, path: Path, head: Mapping[str, str], count: int, by: str = "line") -> None:
        self._journal = Journal(path.with_name(path.name + SUFFIX), head)
        self.path, self.changed = self._journal.path, self._journal.changed
        self._by = by
        self.answered: NDArray[np.bool_] = np.zeros(count, dtype=bool)
        self._places, self._sizes = np.zeros(count, dtype=np.int64), np.zeros(count, dtype=np.int32)
        self._rows, self._lines = np.zeros(count, dtype=np.int64), np.zeros(count, dtype=np.int64)
        self._rates = np.zeros(count, dtype=np.float32)
        self._columns: dict[
            str, tuple[int, int]
        ] = {}  # where each column comes first: line, and place among its cells
        for place, size, (prompt, *values) in self._journal.replay():
            self._note(prompt, Answer(*values), place, size)

    def add(self, answers: Mapping[int, Answer]) -> None:
        """Keep answers by their prompts; when this returns, no kill loses them."""
        entries = [[prompt, *answer] for prompt, answer in answers.items()]
        for (prompt, answer), (place, size) in zip(
            answers.items(), self._journal.append(entries), strict=True
        ):
            self._note(prompt, answer, place, size)

    def _note(self, prompt: int, answer: Answer, place: int, size: int) -> None:
        line = answer.cells[self._by]
        self.answered[prompt] = True
        self._places[prompt], self._sizes[prompt] = place, size
        self._rows[prompt], self._rates[prompt], self._lines[prompt] = answer.row, answer.rate, line
        for number, name in enumerate(answer.cells):
            if (line, number) < self._columns.get(name, (line + 1, 0)):
                self._columns[name] = line, number

    def columns(self) -> list[str]:
        """Return the columns in the order in which the rows of the file bring them."""
        return sorted(self._columns, key=lambda name: self._columns[name])

    def read(self, prompt: int) -> Answer:
        """Return the answer to a prompt."""
        return Answer(*self._journal.read(int(self._places[prompt]), int(self._sizes[prompt]))[1:])

    def best(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the prompts whose answers count, of the windows of a row the most probable one, and their lines."""
        prompts = np.flatnonzero(self.answered)
        best = prompts[find_best(self._rows[prompts], self._rates[prompts].astype(np.float64))]
        return best, self._lines[best]

    def close(self) -> None:
        """Close the journal; the same command goes on behind it."""
        self._journal.close()

    def remove(self) -> None:
        """Remove the journal: the output is written."""
        self._journal.remove()


class AnsweredRows(Sequence[Mapping[str, Any]]):
    """The cells of all rows in the order of the file, each read from the disk when it is asked for.

    Args:
        answers: The answers.
        aside: The cells of the rows that have none; `line` is one.
    """

    def __init__(self, answers: StoredAnswers, aside: Sequence[Mapping[str, Any]]) -> None:
        self._answers, self._aside = answers, aside
        prompts, lines = answers.best()
        ids = np.concatenate([prompts, -1 - np.arange(len(aside))])
        order = np.argsort(np.concatenate([lines, [cells["line"] for cells in aside]]), kind="stable")
        self._ids: NDArray[np.int64] = ids[order].astype(np.int64)

    def __len__(self) -> int:
        return len(self._ids)

    def __getitem__(self, place: Any) -> Any:
        return self.with_words(place)[0]

    def __iter__(self) -> Iterator[Mapping[str, Any]]:
        return (self[place] for place in range(len(self)))

    def with_words(self, place: int) -> tuple[Mapping[str, Any], str | None]:
        """Return a row's cells, and why its answer is not valid in words that say who gave the reason."""
        number = int(self._ids[place])
        if number < 0:
            return self._aside[-1 - number], None
        answer = self._answers.read(number)
        return answer.cells, answer.words
