"""Turn rows into texts and tokens, in any epoch: a pure function of (seed, epoch, row)."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datamodules.formats import Demonstration, InstructionFormat, Query
from datamodules.rows.task_rows import TaskRows
from datamodules.storage.text_columns import TextColumn
from datamodules.tasks import Task
from datamodules.texts.asking import frame_answers
from datamodules.texts.augmentation import BASE, Phrasings, Variants, ask, choose_variants, lay_out, mix
from datamodules.texts.demonstrations import Demonstrations, ShotsBy
from datamodules.tokens.choice_tokens import ChoiceTokens, encode_choices
from datamodules.tokens.examples import ANSWER_MARK, Encoded, LossOn, encode

_MOST_CONDITIONS = 100


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
        shots: int | str = 0,
        shots_by: ShotsBy = "chance",
        phrasings: Phrasings = "all",
        loss_on: LossOn = "completion",
    ) -> None:
        """Keep the rows.

        Args:
            parts: Rows of one task and one file each.
            form: The instruction format.
            tokenizer: The base's tokenizer.
            seed: Seed of all random choices.
            shots: Number of demonstrations before each question, or a range of it.
            shots_by: How they are chosen.
            phrasings: `all` draws a phrasing per row and epoch in training, `first` always takes the first, `others` draws any
                but the first. Evaluation uses the first, so with `others` training never shows its wording.
            loss_on: With `answers`, the answers of demonstrations are marked in the tokens, too.

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
        self.seed, self.phrasings = seed, phrasings
        self.starts = np.cumsum([0] + [len(part) for part in parts])
        self.demonstrations = Demonstrations(parts, shots, shots_by)
        self.mark = ANSWER_MARK if loss_on == "answers" and self.demonstrations else ""
        """What stands around the answers of demonstrations until they are tokenised."""

    def __len__(self) -> int:
        return int(self.starts[-1])

    def locate(self, row: int) -> tuple[TaskRows, int]:
        """Return the part that holds a row, and the row's position in it."""
        number = int(np.searchsorted(self.starts, row, side="right")) - 1
        return self.parts[number], int(row - self.starts[number])

    def varies(self) -> bool:
        """Whether a training row's text can differ from epoch to epoch."""
        phrasing_varies = self.phrasings != "first" and self.form.uses_instruction
        return bool(self.demonstrations) or any(
            part.task.input.randomize
            or part.task.input.mask
            or (part.task.choices is not None and part.task.choices.shown)
            or len(part.alternatives.values) > 0
            or (phrasing_varies and len(part.task.instructions) > 1)
            for part in self.parts
        )

    def with_phrasing(self, number: int) -> RowStore:
        """Return the same rows, asked in their task's phrasing of this number; of a task with fewer, in its first."""
        store = copy(self)
        store.parts = []
        for part in self.parts:
            phrasings = part.task.instructions
            chosen = phrasings[number if number < len(phrasings) else 0]
            store.parts.append(replace(part, task=replace(part.task, instructions=(chosen,))))
        return store

    def query(self, row: int, epoch: int = BASE, draw: int = 0) -> Query:
        """Return a row's query; `draw` is the row's number from `mix`."""
        return self._solve(np.array([row]), epoch, np.array([draw], dtype=np.uint64))[0].query

    def _solve(self, rows: NDArray[np.int64], epoch: int, draws: NDArray[np.uint64]) -> list[Demonstration]:
        """Return the queries of many rows with their answers."""
        solved: list[Any] = [None] * len(rows)
        parts = np.searchsorted(self.starts, rows, side="right") - 1
        for number in np.unique(parts).tolist():
            part, members = self.parts[number], np.flatnonzero(parts == number)
            variants = choose_variants(
                part, rows[members] - self.starts[number], draws[members], epoch, self.phrasings
            )
            columns = variants.inputs, variants.outputs, variants.conditions
            texts = zip(members.tolist(), variants.instructions.tolist(), *columns, strict=True)
            for place, instruction, text, answer, condition in texts:
                solved[place] = Demonstration(ask(part.task, text, instruction, condition), answer)
        return solved

    def texts(self, rows: NDArray[np.int64], epoch: int = BASE) -> tuple[TextColumn, TextColumn]:
        """Return the prompts and completions of rows, in order.

        Args:
            rows: (N,) row numbers.
            epoch: The epoch, or `BASE`.
        """
        draws = mix(self.seed, max(epoch, 0), rows)
        if self.demonstrations or not self.form.at_once or self._has_many_conditions():
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

    def _has_many_conditions(self) -> bool:
        """Whether so many conditions are shown that rows cannot be laid out together by them."""
        counts = [len(part.conditions.values) for part in self.parts if part.conditions is not None]
        return self.form.uses_condition and max(counts, default=0) > _MOST_CONDITIONS

    def _lay_out(self, task: Task, variants: Variants) -> tuple[TextColumn, TextColumn]:
        """Return the prompts and completions of one task's rows; each distinct one is rendered once."""
        conditions = variants.conditions.values.to_pylist() if self.form.uses_condition else [""]
        places = variants.instructions * len(conditions)
        if self.form.uses_condition:
            places = places + variants.conditions.codes
        prompts, completions = [], []
        for instruction in range(len(task.instructions)):
            for condition in conditions:
                query = ask(task, "", instruction, condition)
                prompts.append(lambda texts, query=query: self.form.render_all(query, texts))
                completions.append(lambda texts, query=query: self.form.complete_all(query, texts))
        prompt = lay_out(variants.inputs, places, prompts)
        if self.form.chat:
            prompt = prompt.map(lambda texts: self.form.wrap_all(self.tokenizer, texts))
        return prompt, lay_out(variants.outputs, places, completions)

    def _texts_one_by_one(
        self, rows: NDArray[np.int64], epoch: int, draws: NDArray[np.uint64]
    ) -> tuple[TextColumn, TextColumn]:
        """Return prompts and completions rendered row by row, for demonstrations and for formats that are not `at_once`."""
        if self.demonstrations.by == "similar":
            self.demonstrations.find_all(rows)
        chosen = [
            self.demonstrations.choose(row, draw) if self.demonstrations else []
            for row, draw in zip(rows.tolist(), draws.tolist(), strict=True)
        ]
        shown = np.unique(np.array([other for others in chosen for other in others], dtype=np.int64))
        solved = self._solve(shown, BASE, np.zeros(len(shown), dtype=np.uint64))
        demonstrations = dict(zip(shown.tolist(), solved, strict=True))
        prompts, completions = [], []
        asked = self._solve(rows, epoch, draws)
        for row, (query, answer), others in zip(rows.tolist(), asked, chosen, strict=True):
            shots = [demonstrations[other] for other in others]
            prompt, completion = self.form.render(query, answer, shots, self.mark)
            if self.form.chat:
                prompt = self.form.render_chat(self.tokenizer, query, shots, self.mark)
            if self.mark and prompt.count(self.mark) != 2 * len(shots):
                raise ValueError(
                    f"Expected no cell to hold the character U+{ord(self.mark):04X}, the mark of --data.loss_on answers, "
                    f"but one does, or the chat template drops it: {self.query(row).input[:80]!r}. Use --data.loss_on completion."
                )
            prompts.append(prompt)
            completions.append(completion)
        return TextColumn.of(prompts), TextColumn.of(completions)

    def encode_choices(self, rows: NDArray[np.int64]) -> ChoiceTokens:
        """Return the choices of evaluated rows as tokens, and their prompts without an input."""
        framed = [frame_answers(self.form, self.tokenizer, part.task) for part in self.parts]
        completions, nulls = [], []
        for number, row in zip(
            (np.searchsorted(self.starts, rows, side="right") - 1).tolist(), rows.tolist(), strict=True
        ):
            before, after, null = framed[number]
            options = self.parts[number].options(int(row - self.starts[number]))
            completions.append([before + option + after for option in options])
            nulls.append(null)
        return encode_choices(self.tokenizer, completions, nulls, special_tokens=not self.form.chat)

    def asked_text(self, row: int) -> str:
        """Return a row's input as the prompt of an evaluation has it, without the options behind it."""
        part, place = self.locate(row)
        if not part.task.input.randomize:
            return part.inputs[place]
        [draw] = mix(self.seed, 0, np.array([row])).tolist()
        return self.query(row, draw=draw).input

    def encode(self, rows: NDArray[np.int64], epoch: int = BASE, max_length: int | None = None) -> Encoded:
        """Return rows as tokens; if a variant is longer than `max_length`, the row's base text replaces it."""
        special = not self.form.chat
        encoded = encode(self.tokenizer, *self.texts(rows, epoch), special_tokens=special, mark=self.mark)
        if max_length is not None and epoch != BASE:
            long = encoded.lengths > max_length
            if long.any():
                places = np.concatenate([np.flatnonzero(~long), np.flatnonzero(long)])
                pieces = [encoded.take(~long), self.encode(rows[long])]
                encoded = Encoded.join(pieces).pick(np.argsort(places))
        return encoded
