"""Which solved rows stand before a question: a pure function of (seed, epoch, row), and of the rows that may be shown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from datamodules.limits import parse_shots
from datamodules.rows.task_rows import TaskRows
from datamodules.splits import TRAIN
from datamodules.texts.similar_texts import find_most_similar, write_bits

ShotsBy = Literal["chance", "similar"]

MOST_COMPARED = 10_000
"""Rows of a task among which the most similar ones are looked for, the first ones as subsets take them: 10,000 questions take
about ten seconds of one core."""
_ANY_SIDE = -1


class Demonstrations:
    """The rows that may be shown before a question, and the choice among them.

    Args:
        parts: All rows, part after part.
        shots: Number of demonstrations before each question, `k`, or `a-b` to draw the number for each row.
        by: `chance` draws them, `similar` takes the most similar ones, the most similar last.
    """

    def __init__(self, parts: Sequence[TaskRows], shots: int | str = 0, by: ShotsBy = "chance") -> None:
        self.parts, self.by = list(parts), by
        self.fewest, self.most = parse_shots(shots)
        self.starts = np.cumsum([0] + [len(part) for part in parts])
        self.pools: dict[str, NDArray[np.int64]] = {}
        """The rows that may be shown: by task, or by task, side and group for a task with `shots_from`."""
        self._sides: NDArray[np.int8] | None = None
        self._bits: dict[str, NDArray[np.uint8]] = {}
        self._nearest: dict[int, list[int]] = {}

    def __bool__(self) -> bool:
        return self.most > 0

    def draw_from(self, rows: NDArray[np.int64], sides: NDArray[np.int8] | None = None) -> None:
        """Set the rows that may be shown.

        Args:
            rows: Row numbers of the training side.
            sides: The side of each row of all parts, for tasks with `shots_from`, whose demonstrations come from a row's own
                side and group; -1 for a question to predict, which is shown rows of any side.

        Raises:
            ValueError: If a task has too few training rows.
        """
        if not self:
            return
        self._sides = sides
        numbers = np.searchsorted(self.starts, rows, side="right") - 1
        names = [part.task.name for part in self.parts]
        for name in dict.fromkeys(names):
            own = [number for number, other in enumerate(names) if other == name]
            if self.parts[own[0]].task.shots_from is not None:
                self._pool_groups(own, rows)
                continue
            members = rows[np.isin(numbers, own)]
            if len(members) <= self.most:
                raise ValueError(
                    f"--data.shots {self.most} needs more than {self.most} training rows of the task {name!r}, "
                    f"but it has {len(members)}."
                )
            self.pools[name] = members

    def _pool_groups(self, numbers: Sequence[int], training: NDArray[np.int64]) -> None:
        """Keep the rows of each group of a task, on each side and on any."""
        assert self._sides is not None, "tasks with `shots_from` need the sides of all rows"
        found: dict[str, list[int]] = {}
        shown = np.zeros(self.starts[-1], dtype=bool)
        shown[training] = True
        for number in numbers:
            part, start = self.parts[number], int(self.starts[number])
            for place in range(len(part)):
                side = int(self._sides[start + place])
                if side == _ANY_SIDE or (side == TRAIN and not shown[start + place]):
                    continue
                for key in (side, _ANY_SIDE):
                    found.setdefault(self._key(part, place, key), []).append(start + place)
        self.pools |= {key: np.array(rows, dtype=np.int64) for key, rows in found.items()}

    @staticmethod
    def _key(part: TaskRows, place: int, side: int) -> str:
        if part.groups is None:
            return part.task.name
        return f"{part.task.name}\n{side}\n{part.groups[place]}"

    def locate(self, row: int) -> tuple[TaskRows, int]:
        """Return the part that holds a row, and the row's position in it."""
        number = int(np.searchsorted(self.starts, row, side="right")) - 1
        return self.parts[number], int(row - self.starts[number])

    def count(self, draw: int) -> int:
        """Return the number of demonstrations of a row by its number from `mix`."""
        return self.fewest + (draw >> 40) % (self.most - self.fewest + 1)

    def choose(self, row: int, draw: int) -> list[int]:
        """Return the rows shown before a row; they and the row differ in their identities (in a group: their inputs).

        Args:
            row: The row's number.
            draw: Its number from `mix`.
        """
        wanted = self.count(draw)
        part, place = self.locate(row)
        pool = self.pools.get(self._key(part, place, int(self._sides[row]) if self._sides is not None else 0))
        if not wanted or pool is None:
            return []
        if self.by == "similar":
            return self._find_nearest(row, pool)[:wanted][::-1]
        rng = np.random.default_rng(draw)
        few = len(pool) < 1000
        numbers = rng.permutation(len(pool)) if few else rng.integers(len(pool), size=20 * wanted)
        return self._take_different(row, (int(pool[number]) for number in numbers), wanted)

    def _take_different(self, row: int, candidates: Iterable[int], wanted: int) -> list[int]:
        """Return the first `wanted` candidates that differ from the row and from each other."""
        chosen: list[int] = []
        seen = {self._what_differs(row)}
        for other in candidates:
            if len(chosen) == wanted:
                break
            if (same := self._what_differs(other)) not in seen:
                seen.add(same)
                chosen.append(other)
        return chosen

    def _what_differs(self, row: int) -> str:
        part, place = self.locate(row)
        # The rows of a group may share their identity: the group itself may be what never falls on two sides.
        return part.identities[place] if part.groups is None else part.inputs[place]

    def _find_nearest(self, row: int, pool: NDArray[np.int64]) -> list[int]:
        """Return the `most` most similar rows of a pool, the most similar first; found once a row."""
        if row not in self._nearest:
            self.find_all(np.array([row]))
        return self._nearest[row]

    def find_all(self, rows: NDArray[np.int64]) -> None:
        """Find the most similar rows of many rows at once; each is looked for once."""
        by_pool: dict[str, list[int]] = {}
        for row in rows.tolist():
            if row not in self._nearest:
                part, place = self.locate(row)
                side = int(self._sides[row]) if self._sides is not None else 0
                by_pool.setdefault(self._key(part, place, side), []).append(row)
        for key, asked in by_pool.items():
            pool = self.pools.get(key, np.zeros(0, dtype=np.int64))[:MOST_COMPARED]
            if key not in self._bits:
                self._bits[key] = self._write(pool)
            found = find_most_similar(self._write(np.array(asked)), self._bits[key], 4 * self.most + 8)
            for row, places in zip(asked, found, strict=True):
                self._nearest[row] = self._take_different(row, pool[places].tolist(), self.most)

    def _write(self, rows: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Return the bits of rows' inputs, (N, B); all rows are of one task."""
        if not len(rows):
            return write_bits("text", [])
        located = [self.locate(row) for row in rows.tolist()]
        return write_bits(
            located[0][0].task.input.shown_notation, [part.inputs[place] for part, place in located]
        )
