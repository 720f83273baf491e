"""A trained model that answers texts in Python."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from callbacks.rows.notation_calls import NotationCalls
from cli.asking.answers import Answer, Answers, list_columns, read_texts
from cli.asking.find import Described
from configs.program import spell
from datamodules.infilling import why_no_gap
from datamodules.notations.lookup import load_notation
from datamodules.tasks import Task
from datamodules.texts.augmentation import labels_of
from datamodules.workers.guarded_worker import Result
from lightning_modules.generation.settings import GenerationSettings

if TYPE_CHECKING:
    import torch

    from callbacks.rows.evaluated_row import EvaluatedRow
    from cli.asking.weights import Weights

_TOGETHER = 16
"""Batches whose prompts stand in one tensor: a finished row makes room for the next one of these."""


def read_questions(calls: NotationCalls, task: Task, texts: Sequence[str]) -> list[Result]:
    """Return each text in a task's input notation, as `predict` reads a table: without a title behind a SMILES; or an error.

    A text with a gap, or one to be repaired, stays as it is.
    """
    notation = task.input.shown_notation
    found = {place: Result(text.strip(), None) for place, text in enumerate(texts)}
    if task.input.mask == "spans":
        return [
            one if (why := why_no_gap(one.value)) is None else Result(None, why) for one in found.values()
        ]
    longer = [place for place, one in found.items() if len(one.value.split()) > 1]
    if longer and hasattr(load_notation(notation), "strip_title"):
        stripped = calls.call(notation, "strip_title", [(found[place].value,) for place in longer])
        found.update(zip(longer, stripped, strict=True))
    readable = [place for place, one in found.items() if one.error is None]
    normal = calls.call(notation, "normalize", [(found[place].value,) for place in readable])
    found.update(zip(readable, normal, strict=True))
    return [found[place] for place in range(len(texts))]


class Generated(NamedTuple):
    """A text that the model wrote."""

    text: str
    score: float
    """Sum of the log-probabilities of its tokens and the stop token."""
    stopped: bool
    """False if it was cut at the most tokens of an answer."""
    num_tokens: int


class Model:
    """A trained model with its tasks and format; `patois.load` creates it.

    Args:
        described: The model's folder, tasks and format.
        device: Where the model generates.
    """

    def __init__(self, described: Described, device: str | torch.device = "cpu") -> None:
        import torch

        self.described = described
        self.tasks = {task.name: task for task in described.tasks}
        self.device = torch.device(device)
        self.calls = NotationCalls()
        self._loaded: dict[Path, Weights] = {}
        self.weights(next(iter(self.tasks)))  # here, so that a broken folder is an error now

    def __repr__(self) -> str:
        """Return what it is, which tasks it has and where it generates."""
        return f"<patois.Model of {self.described.weights}: {', '.join(self.tasks)}; on {self.device}>"

    def weights(self, task: str) -> Weights:
        """Return the decoder and the tokenizer that answer one of `tasks`; they are loaded when they are first asked for."""
        import torch

        from cli.asking.weights import load_weights

        path = self.described.weights_of.get(task, self.described.weights)
        if path not in self._loaded:
            loaded = load_weights(path)
            # transformers annotates its own `to` as taking a model
            torch.nn.Module.to(loaded.decoder, self.device)
            self._loaded[path] = loaded
        return self._loaded[path]

    def predict(
        self,
        texts: Any,
        task: str | None = None,
        batch_size: int = 64,
        column: str | None = None,
        condition: str | None = None,
    ) -> Answers:
        """Answer texts greedily, each independently of the others.

        Args:
            texts: N inputs in the task's input notation, or a table of N rows (pyarrow, pandas, or any that shares its columns
                with Arrow); a molecule may have any spelling.
            task: One of `tasks`; optional if the model has only one, or if the table has the input column of only one.
            batch_size: Texts decoded at once.
            column: The table's column with the texts; default: its only one, or the task's.
            condition: The condition to answer in, such as `openeye` for the style of a name; default: the task's.

        Returns:
            N answers in the order of the texts. An invalid text gets an answer with a reason and no text.

        Raises:
            ValueError: If the task, column or condition is unknown or missing, or if `texts` is a single string.
        """
        if batch_size < 1:
            raise ValueError(f"Expected batch_size to be at least 1, but got {batch_size}.")
        if isinstance(texts, str):
            read_texts(texts, column, "")
        chosen = self.find_task(task, [column] if column else list_columns(texts), condition)
        inputs, table = read_texts(texts, column, chosen.input.column)
        reasons: dict[int, str] = {}
        questions: dict[int, str] = {}
        normal = read_questions(self.calls, chosen, inputs)
        for place, result in enumerate(normal):
            if result.error is None:
                questions[place] = str(result.value)
            else:
                why = result.error.removeprefix("ValueError: ")
                reasons[place] = f"not a valid {labels_of(chosen)[0]}: {why}"
        answer = self._answer if chosen.choices is None else self._choose
        answered = dict(zip(questions, answer(chosen, list(questions.values()), batch_size), strict=True))
        found = [
            answered.get(place) or Answer(None, None, False, "", reasons[place])
            for place in range(len(inputs))
        ]
        return Answers(found, table)

    def find_task(self, name: str | None, columns: Sequence[str] = (), condition: str | None = None) -> Task:
        """Return a task by its name, or the only one that may be meant.

        Args:
            name: Its name; None takes the only task, or the only one whose input is among the columns.
            columns: The columns of a table of questions.
            condition: The condition that it is asked in; default: its own.

        Raises:
            ValueError: If there is no such task or condition, or there are several tasks and none is named.
        """
        if name is None:
            asked = [task for task in self.tasks.values() if task.input.column in columns]
            alone = [tasks[0].name for tasks in (list(self.tasks.values()), asked) if len(tasks) == 1]
            name = next(iter(alone), None)
        if name not in self.tasks:
            example = next(iter(self.tasks))
            raise ValueError(
                f"Expected task= to be one of {', '.join(self.tasks)}, since the model was trained on these, but got {name!r}: "
                f"write task={example!r}, for example."
            )
        return self.described.asking.in_condition(self.tasks[name], condition)

    def count_tokens(self, task: Task, question: str) -> int:
        """Return the number of tokens of a question's prompt."""
        return len(
            self.described.asking.encode(self.weights(task.name).tokenizer, task, [question]).prompt(0)
        )

    def generate(
        self,
        task: Task,
        questions: Sequence[str],
        settings: GenerationSettings,
        batch_size: int = 64,
        numbers: Sequence[int] | None = None,
    ) -> list[Generated | None]:
        """Return what the model writes for each normalized question; None where it is longer than the model can read.

        Args:
            task: One of `tasks`.
            questions: N normalized questions.
            settings: How to generate; `block` forbids parts of the question.
            batch_size: Answers decoded at once.
            numbers: N numbers by which random numbers are drawn; by default 0 to N - 1.
        """
        import torch

        from datamodules.tokens.packing import pad_prompts
        from lightning_modules.generation.generate import generate

        asking = self.described.asking
        decoder, tokenizer, _ = weights = self.weights(task.name)
        encoded = asking.encode(tokenizer, task, questions)
        prompts = [encoded.prompt(place) for place in range(len(questions))]
        fits = [place for place, ids in enumerate(prompts) if len(ids) <= weights.room]
        fits.sort(key=lambda place: -len(prompts[place]))  # prompts of one length need no padding
        found: list[Generated | None] = [None] * len(questions)
        step = _TOGETHER * batch_size
        drawn = torch.tensor(range(len(questions)) if numbers is None else numbers)
        before, _, _ = asking.frame(tokenizer, task) if settings.block else ("", "", "")
        for places in (fits[start : start + step] for start in range(0, len(fits), step)):
            ids_BP, mask_BP = pad_prompts([prompts[place] for place in places], 0)
            made = generate(
                decoder,
                tokenizer,
                ids_BP.to(self.device),
                mask_BP.to(self.device),
                settings,
                drawn[places],
                batch_size,
                sources=[(before, questions[place]) for place in places],
            )
            facts = zip(made.score.tolist(), made.stopped.tolist(), made.num_tokens.tolist(), strict=True)
            for place, text, (score, stopped, tokens) in zip(places, made.text, facts, strict=True):
                answer = asking.read(task, questions[place], text)
                found[place] = Generated(answer, score, stopped, tokens)
        return found

    def _answer(self, task: Task, questions: Sequence[str], batch_size: int) -> list[Answer]:
        """Return the answers to normalized questions."""
        from callbacks.rows.evaluated_row import EvaluatedRow

        limit = self.weights(task.name).max_new_tokens
        made = self.generate(task, questions, GenerationSettings(max_new_tokens=limit), batch_size)
        rows = [
            EvaluatedRow(
                place, task.name, question, None, task.input.shown_notation, task.output.notation, one.text.strip(),
                one.score, one.stopped, one.num_tokens,
            )
            for place, (question, one) in enumerate(zip(questions, made, strict=True)) if one is not None
        ]  # fmt: skip
        answers = dict(zip([row.index for row in rows], self._verify(rows, limit), strict=True))
        return [answers.get(place, self._too_long(task)) for place in range(len(questions))]

    def weigh(
        self, task: Task, questions: Sequence[str], batch_size: int = 64
    ) -> list[dict[str, float] | None]:
        """Return the probability of each choice for each normalized question; None where it is longer than the model can read.

        Args:
            task: A task with choices.
            questions: N normalized questions.
            batch_size: Choices scored at once.

        Raises:
            ValueError: If each row has choices of its own.
        """
        from cli.asking.choosing import choose

        assert task.choices is not None
        if not (options := task.choices.options):
            raise ValueError(
                f"The task {task.name!r} has choices for each row, in the column {task.choices.column!r}: ask with "
                f"`{spell('predict')}`, whose table holds them."
            )
        decoder, tokenizer, _ = weights = self.weights(task.name)
        rows = choose(
            decoder, tokenizer, self.described.asking, task, questions, self.device, batch_size, weights.room,
            self.described.choice_score,
        )  # fmt: skip
        return [None if chances is None else dict(zip(options, chances, strict=True)) for chances in rows]

    def _choose(self, task: Task, questions: Sequence[str], batch_size: int) -> list[Answer]:
        """Return the most probable choice of each normalized question."""
        answers = []
        for chances in self.weigh(task, questions, batch_size):
            if chances is None:
                answers.append(self._too_long(task))
                continue
            best = max(chances, key=chances.__getitem__)
            answers.append(Answer(best, chances[best], True, "", None, chances))
        return answers

    def _too_long(self, task: Task) -> Answer:
        room = self.weights(task.name).room
        return Answer(None, None, False, "", f"longer than the {room} tokens that the model can read")

    def _verify(self, rows: Sequence[EvaluatedRow], limit: int) -> list[Answer]:
        """Return answers with their reference-free checks; names are read only if OPSIN is available."""
        from callbacks.reports.rerank import check, choose, name_verified
        from callbacks.rows.evaluation import Evaluation
        from datamodules.workers.opsin import why_unavailable

        named = any("iupac" in (row.input_notation, row.output_notation) for row in rows)
        no_opsin = why_unavailable() if named else None
        evaluation = Evaluation(rows, self.calls, reads_names=named and no_opsin is None)
        answers = []
        for [checked] in check(evaluation):
            answer, passed = choose([checked])
            cut = None if answer.stopped else f"cut at {limit} tokens"
            why = cut or answer.in_words or answer.doubt or (no_opsin and f"names are not read: {no_opsin}")
            valid = answer.reason is None and answer.stopped
            answers.append(Answer(answer.text, math.exp(answer.score), valid, name_verified(passed), why))
        return answers
