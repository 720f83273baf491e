"""From rows to texts: which phrasing, which spelling and which demonstrations a row gets in an epoch.

All of it is a pure function of (seed, epoch, row), so it depends on no worker, rank or clock.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from datamodules.examples import Encoded, encode
from datamodules.formats import Demonstration, InstructionFormat, Query
from datamodules.notations.lookup import load_notation
from datamodules.task_rows import TaskRows

BASE = -1
"""The epoch in which nothing varies: first phrasing, first spelling. Evaluation always sees this one."""

Phrasings = Literal["all", "first"]


def mix(seed: int, epoch: int, rows: NDArray[np.int64]) -> NDArray[np.uint64]:
    """Return one well-mixed number a row, a pure function of (seed, epoch, row) (SplitMix64, Steele et al. 2014).

    Args:
        seed: Any integer.
        epoch: 0 or above.
        rows: (N,) row numbers.
    """
    with np.errstate(over="ignore"):
        state = rows.astype(np.uint64) + np.uint64(seed % 2**32) * np.uint64(0x9E3779B97F4A7C15)
        state = state * np.uint64(0xD1342543DE82EF95) + np.uint64(epoch + 1) * np.uint64(0xBF58476D1CE4E5B9)
        for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
            state = (state ^ (state >> np.uint64(shift))) * np.uint64(factor)
        return state ^ (state >> np.uint64(31))


class RowStore:
    """All usable rows of all tasks under one number each, and their texts in any epoch.

    Rows are numbered through: those of the first part, then those of the second, and so on.
    """

    def __init__(
        self,
        parts: Sequence[TaskRows],
        form: InstructionFormat,
        tokenizer: Any,
        *,
        seed: int = 0,
        shots: int = 0,
        phrasings: Phrasings = "all",
    ) -> None:
        """Keep the rows.

        Args:
            parts: Rows of one task and one file each.
            form: The instruction format.
            tokenizer: The base's tokenizer.
            seed: Seed of all that varies.
            shots: Demonstrations before each question.
            phrasings: `all` draws a phrasing per row and epoch in training; `first` always takes the first.
        """
        self.parts, self.form, self.tokenizer = list(parts), form, tokenizer
        self.seed, self.shots, self.phrasings = seed, shots, phrasings
        self.starts = np.cumsum([0] + [len(part) for part in parts])
        self.demonstration_pool: dict[str, NDArray[np.int64]] = {}

    def __len__(self) -> int:
        return int(self.starts[-1])

    def locate(self, row: int) -> tuple[TaskRows, int]:
        """Return the part that holds a row, and the row's place in it."""
        number = int(np.searchsorted(self.starts, row, side="right")) - 1
        return self.parts[number], int(row - self.starts[number])

    def draw_demonstrations_from(self, rows: NDArray[np.int64]) -> None:
        """Name the rows (of the training split) that may stand as demonstrations.

        Raises:
            ValueError: If a task has too few of them for `--data.shots`.
        """
        if not self.shots:
            return
        for part in self.parts:
            name = part.task.name
            pool = np.array([row for row in rows if self.locate(row)[0].task.name == name], dtype=np.int64)
            if len(pool) <= self.shots:
                raise ValueError(
                    f"--data.shots {self.shots} needs more than {self.shots} training rows of the task {name!r}, "
                    f"but it has {len(pool)}."
                )
            self.demonstration_pool[name] = pool

    def varies(self) -> bool:
        """Whether a training row's text can differ from epoch to epoch."""
        worded = self.phrasings == "all" and self.form.uses_instruction
        return bool(self.shots) or any(
            part.task.input.randomize
            or any(part.alternatives)
            or (worded and len(part.task.instructions) > 1)
            for part in self.parts
        )

    def query(self, row: int, epoch: int = BASE, draw: int = 0) -> Query:
        """Return what is asked about a row; `draw` is the row's number from `mix`."""
        part, place = self.locate(row)
        task = part.task
        labels = (task.input.label or task.input.column, task.output.label or task.output.column)
        text = part.inputs[place]
        instruction = task.instructions[0]
        if epoch != BASE:
            if self.phrasings == "all":
                instruction = task.instructions[draw % len(task.instructions)]
            if others := part.alternatives[place]:
                number = (draw >> 16) % (len(others) + 1)
                text = others[number - 1] if number else text
        if task.input.randomize:
            text = load_notation(task.input.notation).randomize(text, (draw >> 32) & 0x7FFFFFFF)
        return Query(instruction, text, *labels)

    def _demonstrations(self, row: int, draw: int) -> list[Demonstration]:
        """Return `shots` training rows of the same task and of other identities than the row's own."""
        part, place = self.locate(row)
        chosen: list[Demonstration] = []
        pool = self.demonstration_pool[part.task.name]
        seen = {part.identities[place]}
        rng = np.random.default_rng(draw)
        for number in (
            rng.permutation(len(pool)) if len(pool) < 1000 else rng.integers(len(pool), size=20 * self.shots)
        ):
            other, spot = self.locate(int(pool[number]))
            if len(chosen) == self.shots:
                break
            if other.identities[spot] not in seen:
                seen.add(other.identities[spot])
                chosen.append(Demonstration(self.query(int(pool[number])), other.outputs[spot]))
        return chosen

    def texts(self, rows: NDArray[np.int64], epoch: int = BASE) -> tuple[list[str], list[str]]:
        """Return the prompts and completions of rows, in order.

        Args:
            rows: (N,) row numbers.
            epoch: The epoch, or `BASE`.
        """
        prompts, completions = [], []
        for row, number in zip(rows, mix(self.seed, max(epoch, 0), rows), strict=True):
            draw = int(number)
            part, place = self.locate(row)
            query = self.query(row, epoch, draw)
            shots = self._demonstrations(row, draw) if self.shots else []
            prompt, completion = self.form.render(query, part.outputs[place], shots)
            if self.form.chat:
                prompt = self.form.render_chat(self.tokenizer, query, shots)
            prompts.append(prompt)
            completions.append(completion)
        return prompts, completions

    def encode(self, rows: NDArray[np.int64], epoch: int = BASE, max_length: int | None = None) -> Encoded:
        """Return rows as tokens; a variant that is longer than `max_length` gives way to the row's base text."""
        prompts, completions = self.texts(rows, epoch)
        encoded = encode(self.tokenizer, prompts, completions, special_tokens=not self.form.chat)
        if max_length is not None and epoch != BASE:
            long = np.flatnonzero(encoded.lengths > max_length)
            if len(long):
                for place, prompt, completion in zip(long, *self.texts(rows[long]), strict=True):
                    prompts[place], completions[place] = prompt, completion
                encoded = encode(self.tokenizer, prompts, completions, special_tokens=not self.form.chat)
        return encoded
