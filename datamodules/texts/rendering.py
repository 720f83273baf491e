"""Turn rows into texts and tokens, in any epoch: a pure function of (seed, epoch, row)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datamodules.formats import Demonstration, InstructionFormat, Query
from datamodules.rows.task_rows import TaskRows
from datamodules.storage.text_columns import TextColumn
from datamodules.tasks import Task
from datamodules.texts.augmentation import BASE, Phrasings, Variants, choose_variants, labels_of, lay_out, mix
from datamodules.tokens.choice_tokens import ChoiceTokens, encode_choices
from datamodules.tokens.examples import Encoded, encode


class RowStore:
    """All usable rows of all tasks, each with a row number, and their texts in any epoch.

    Row numbers are consecutive: the rows of the first part, then the rows of the second, and so on.
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
            seed: Seed of all random choices.
            shots: Number of demonstrations before each question.
            phrasings: `all` draws a phrasing per row and epoch in training, `first` always takes the first, `others` draws any
                but the first. Evaluation uses the first, so with `others` training never shows its wording.

        Raises:
            ValueError: If there are no `others`.
        """
        single = [part.task.name for part in parts if len(part.task.instructions) < 2]
        if phrasings == "others" and (single or not form.uses_instruction):
            why = f"the task {single[0]!r} has one" if single else "the format shows none"
            raise ValueError(
                f"--data.phrasings others needs a format that shows the instruction and tasks with two or more phrasings, "
                f"but {why}: choose another format (e.g. --data.format plain) or task."
            )
        self.parts, self.form, self.tokenizer = list(parts), form, tokenizer
        self.seed, self.shots, self.phrasings = seed, shots, phrasings
        self.starts = np.cumsum([0] + [len(part) for part in parts])
        self.demonstration_pool: dict[str, NDArray[np.int64]] = {}

    def __len__(self) -> int:
        return int(self.starts[-1])

    def locate(self, row: int) -> tuple[TaskRows, int]:
        """Return the part that holds a row, and the row's position in it."""
        number = int(np.searchsorted(self.starts, row, side="right")) - 1
        return self.parts[number], int(row - self.starts[number])

    def draw_demonstrations_from(self, rows: NDArray[np.int64]) -> None:
        """Set the rows (of the training side) that may serve as demonstrations.

        Raises:
            ValueError: If a task has too few such rows for `--data.shots`.
        """
        if not self.shots:
            return
        names = np.array([part.task.name for part in self.parts])
        tasks = names[np.searchsorted(self.starts, rows, side="right") - 1]
        for name in dict.fromkeys(names.tolist()):
            members = rows[tasks == name]
            if len(members) <= self.shots:
                raise ValueError(
                    f"--data.shots {self.shots} needs more than {self.shots} training rows of the task {name!r}, "
                    f"but it has {len(members)}."
                )
            self.demonstration_pool[name] = members

    def varies(self) -> bool:
        """Whether a training row's text can differ from epoch to epoch."""
        phrasing_varies = self.phrasings != "first" and self.form.uses_instruction
        return bool(self.shots) or any(
            part.task.input.randomize
            or len(part.alternatives.values) > 0
            or (phrasing_varies and len(part.task.instructions) > 1)
            for part in self.parts
        )

    def query(self, row: int, epoch: int = BASE, draw: int = 0) -> Query:
        """Return a row's query; `draw` is the row's number from `mix`."""
        return self._queries(np.array([row]), epoch, np.array([draw], dtype=np.uint64))[0]

    def _queries(self, rows: NDArray[np.int64], epoch: int, draws: NDArray[np.uint64]) -> list[Query]:
        """Return the queries of many rows."""
        queries: list[Any] = [None] * len(rows)
        parts = np.searchsorted(self.starts, rows, side="right") - 1
        for number in np.unique(parts).tolist():
            part, members = self.parts[number], np.flatnonzero(parts == number)
            variants = choose_variants(
                part, rows[members] - self.starts[number], draws[members], epoch, self.phrasings
            )
            labels = labels_of(part.task)
            texts = zip(members.tolist(), variants.instructions.tolist(), variants.inputs, strict=True)
            for place, instruction, text in texts:
                queries[place] = Query(part.task.instructions[instruction], text, *labels)
        return queries

    def _draw_demonstrations(self, row: int, draw: int) -> list[int]:
        """Return `shots` training rows of the same task whose identities differ from the row's and from each other."""
        part, place = self.locate(row)
        chosen: list[int] = []
        available = self.demonstration_pool[part.task.name]
        seen = {part.identities[place]}
        rng = np.random.default_rng(draw)
        few = len(available) < 1000
        numbers = (
            rng.permutation(len(available)) if few else rng.integers(len(available), size=20 * self.shots)
        )
        for number in numbers:
            other, spot = self.locate(int(available[number]))
            if len(chosen) == self.shots:
                break
            if other.identities[spot] not in seen:
                seen.add(other.identities[spot])
                chosen.append(int(available[number]))
        return chosen

    def texts(self, rows: NDArray[np.int64], epoch: int = BASE) -> tuple[TextColumn, TextColumn]:
        """Return the prompts and completions of rows, in order.

        Args:
            rows: (N,) row numbers.
            epoch: The epoch, or `BASE`.
        """
        draws = mix(self.seed, max(epoch, 0), rows)
        if self.shots or self.form.layout is None:
            return self._texts_one_by_one(rows, epoch, draws)
        parts = np.searchsorted(self.starts, rows, side="right") - 1
        prompts, completions, places = [], [], [np.zeros(0, dtype=np.int64)]
        for number, part in enumerate(self.parts):
            members = np.flatnonzero(parts == number)
            if not len(members):
                continue
            variants = choose_variants(
                part, rows[members] - self.starts[number], draws[members], epoch, self.phrasings
            )
            prompt, completion = self._lay_out(part.task, variants)
            prompts.append(prompt)
            completions.append(completion)
            places.append(members)
        back = np.argsort(np.concatenate(places))
        empty = TextColumn.of([])
        return tuple(TextColumn.join(found or [empty]).take(back) for found in (prompts, completions))  # type: ignore[return-value]

    def _lay_out(self, task: Task, variants: Variants) -> tuple[TextColumn, TextColumn]:
        """Return the prompts and completions of one task's rows; each distinct one is rendered once."""
        prompts, completions = [], []
        for instruction in task.instructions:
            query = Query(instruction, "", *labels_of(task))
            prompts.append(lambda texts, query=query: self.form.render_all(query, texts))
            completions.append(lambda texts, query=query: self.form.complete_all(query, texts))
        prompt = lay_out(variants.inputs, variants.instructions, prompts)
        if self.form.chat:
            prompt = prompt.map(lambda texts: self.form.wrap_all(self.tokenizer, texts))
        return prompt, lay_out(variants.outputs, variants.instructions, completions)

    def _texts_one_by_one(
        self, rows: NDArray[np.int64], epoch: int, draws: NDArray[np.uint64]
    ) -> tuple[TextColumn, TextColumn]:
        """Return prompts and completions rendered row by row, for demonstrations and for formats without a `layout`."""
        chosen = [
            self._draw_demonstrations(row, draw) if self.shots else []
            for row, draw in zip(rows.tolist(), draws.tolist(), strict=True)
        ]
        shown = np.unique(np.array([other for others in chosen for other in others], dtype=np.int64))
        demonstrations = {
            row: Demonstration(query, self.output(row))
            for row, query in zip(
                shown.tolist(), self._queries(shown, BASE, np.zeros(len(shown), dtype=np.uint64)), strict=True
            )
        }
        prompts, completions = [], []
        for row, query, others in zip(rows.tolist(), self._queries(rows, epoch, draws), chosen, strict=True):
            shots = [demonstrations[other] for other in others]
            prompt, completion = self.form.render(query, self.output(row), shots)
            if self.form.chat:
                prompt = self.form.render_chat(self.tokenizer, query, shots)
            prompts.append(prompt)
            completions.append(completion)
        return TextColumn.of(prompts), TextColumn.of(completions)

    def encode_choices(self, rows: NDArray[np.int64]) -> ChoiceTokens:
        """Return the choices of evaluated rows as tokens, and their prompts without an input."""
        framed = [self._frame(part.task) for part in self.parts]
        completions, nulls = [], []
        for number, row in zip(
            (np.searchsorted(self.starts, rows, side="right") - 1).tolist(), rows.tolist(), strict=True
        ):
            before, after, null = framed[number]
            options = self.parts[number].options(int(row - self.starts[number]))
            completions.append([before + option + after for option in options])
            nulls.append(null)
        return encode_choices(self.tokenizer, completions, nulls, special_tokens=not self.form.chat)

    def _frame(self, task: Task) -> tuple[str, str, str]:
        """Return the format's texts before and after an answer, and the prompt without an input."""
        query = Query(task.instructions[0], "", *labels_of(task))
        null = self.form.render_chat(self.tokenizer, query) if self.form.chat else self.form.render(query)[0]
        return (*self.form.affixes(query), null)

    def output(self, row: int) -> str:
        """Return a row's target."""
        part, place = self.locate(row)
        return part.outputs[place]

    def encode(self, rows: NDArray[np.int64], epoch: int = BASE, max_length: int | None = None) -> Encoded:
        """Return rows as tokens; if a variant is longer than `max_length`, the row's base text replaces it."""
        encoded = encode(self.tokenizer, *self.texts(rows, epoch), special_tokens=not self.form.chat)
        if max_length is not None and epoch != BASE:
            long = encoded.lengths > max_length
            if long.any():
                places = np.concatenate([np.flatnonzero(~long), np.flatnonzero(long)])
                pieces = [encoded.take(~long), self.encode(rows[long])]
                encoded = Encoded.join(pieces).pick(np.argsort(places))
        return encoded
