"""Ask a trained model one question; return several answers, each with its probability and check results.

`cli/demo/page.py` shows them. Questions and answers may be anything, so molecules are parsed in processes that can be killed.
"""

from __future__ import annotations

import math
import threading
from typing import Any, NamedTuple

from callbacks.rows.check_words import CUT, RELATIONS, name_relation, name_unread
from callbacks.rows.notation_calls import NotationCalls
from callbacks.rows.structures import Structure, read_structures
from cli.asking.model import Model, read_questions
from datamodules.notations._checks import MAX_LENGTH
from datamodules.tasks import Task
from datamodules.texts.augmentation import labels_of
from datamodules.workers.guarded_worker import GuardedWorker
from datamodules.workers.opsin import why_unavailable
from lightning_modules.generation.settings import GenerationSettings

ANSWERS = 8
"""Number of generated answers: one greedy, the others sampled. Equal answers are shown once. Of choices, the most probable."""
TEMPERATURE = 0.8
"""Sampling temperature: below 1, because rare answers are mostly broken."""
_MOST_TOKENS = 512
"""Most tokens of an answer, even if an exported folder allows more: one question must not block the page for minutes."""
_LARGEST_PICTURE = 300_000
"""Most characters of an SVG picture."""


class Answer(NamedTuple):
    """One answer of a model."""

    text: str
    probability: float
    """The model's probability of this text and its stop token, or of this choice among all, in [0, 1]."""
    reason: str | None
    """Why it is not valid: not well-formed in the task's output notation, not read by OPSIN, or cut; None if it is valid."""
    verdict: str | None
    """How its molecule is related to the question's molecule; None if they cannot be compared."""
    same: bool
    """Whether its molecule is the question's molecule."""
    picture: str | None
    """Its molecule as SVG."""


class Reply(NamedTuple):
    """The answers to a question."""

    question: str
    """The question as the model read it: normalized."""
    picture: str | None
    """Its molecule as SVG."""
    answers: list[Answer]
    """Distinct texts, most probable first."""
    unread: str | None = None
    """Why OPSIN cannot read the name in the question, so that no answer can be checked by it."""


class Answerer:
    """Answers questions for the page, one at a time, with pictures.

    Args:
        model: The model that is asked.
        answers: Maximum number of answers to a question.
    """

    def __init__(self, model: Model, answers: int = ANSWERS) -> None:
        self.model, self.count = model, answers
        self.tasks, self.calls = model.tasks, model.calls
        self._drawing_worker = GuardedWorker()
        self._one_at_a_time = threading.Lock()

    def why_no_names(self) -> str | None:
        """Return why OPSIN cannot read names, or None if it can or no task has names."""
        has_names = any(
            "iupac" in (task.input.notation, task.output.notation) for task in self.tasks.values()
        )
        return why_unavailable() if has_names else None

    def ask(self, task_name: str, text: str) -> Reply:
        """Answer a question.

        Args:
            task_name: One of `tasks`.
            text: The input, in the task's input notation.

        Raises:
            ValueError: If the text is not a valid input; the message can be shown to the user.
        """
        if task_name not in self.tasks:
            raise ValueError(
                f"Expected one of the tasks {', '.join(self.tasks)}, but got {str(task_name)[:100]!r}."
            )
        task = self.tasks[task_name]
        if len(text) > MAX_LENGTH:
            raise ValueError(f"Expected at most {MAX_LENGTH} characters, but got {len(text)}.")
        text = text.strip()
        if not text:
            raise ValueError(f"Type or paste a {labels_of(task)[0]}.")
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise ValueError(
                "Expected text, but got half a character (a lone surrogate). Retype the question."
            ) from error
        with self._one_at_a_time:
            if task.input.mask:
                [result] = read_questions(self.calls, task, [text])
            else:
                [result] = self.calls.call(task.input.notation, "normalize", [(text,)])
            if result.error is not None:
                raise ValueError(
                    f"Not a valid {labels_of(task)[0]}: {result.error.removeprefix('ValueError: ')}."
                )
            answer = self._generate if task.choices is None else self._weigh
            return self._reply(task, str(result.value), answer(task, str(result.value)))

    def _weigh(self, task: Task, question: str) -> dict[str, tuple[float, bool]]:
        """Return the most probable choices with their log-probabilities."""
        [chances] = self.model.weigh(task, [question])
        if chances is None:
            raise self._too_long(task, question)
        found = {text: (math.log(chance), True) for text, chance in chances.items() if chance > 0}
        return dict(sorted(found.items(), key=lambda item: -item[1][0])[: self.count])

    def _too_long(self, task: Task, question: str) -> ValueError:
        return ValueError(
            f"Expected at most {self.model.weights(task.name).room} tokens (the model's limit), but the question has "
            f"{self.model.count_tokens(task, question)}. Shorten it."
        )

    def _generate(self, task: Task, question: str) -> dict[str, tuple[float, bool]]:
        """Return distinct answers, most probable first, each with its log-probability and whether it stopped."""
        limit = min(self.model.weights(task.name).max_new_tokens, _MOST_TOKENS)
        greedy = GenerationSettings(max_new_tokens=limit)
        drawn = GenerationSettings("sample", temperature=TEMPERATURE, max_new_tokens=limit)
        found: dict[str, tuple[float, bool]] = {}
        for settings, count in ((greedy, 1), (drawn, self.count - 1)):
            for made in self.model.generate(task, [question] * count, settings):
                if made is None:
                    raise self._too_long(task, question)
                found.setdefault(made.text, (made.score, made.stopped))
        return dict(sorted(found.items(), key=lambda item: -item[1][0]))

    def _reply(self, task: Task, question: str, found: dict[str, tuple[float, bool]]) -> Reply:
        texts = list(found)
        source, target = task.input.shown_notation, task.output.notation
        with_names = "iupac" in (source, target) and why_unavailable() is None
        reasons = self.calls.invalid_reasons(target, texts)
        [asked] = read_structures(self.calls, source, [question], with_names)
        answered = read_structures(self.calls, target, texts, with_names)
        # A task from structure to structure may want another molecule, such as a reaction's product: no comparison.
        compares = (source == "iupac") != (target == "iupac") and asked is not None
        answers = []
        for text, reason, molecule in zip(texts, reasons, answered, strict=True):
            score, stopped = found[text]
            if reason is None and molecule and molecule.reason:
                reason = name_unread(molecule.reason) if target == "iupac" else molecule.reason
            reason = reason or (None if stopped else f"{CUT} off: no stop token")
            verdict = _compare(self.calls, asked, molecule) if compares else None
            same = verdict == RELATIONS["canonical"]
            answers.append(
                Answer(text, math.exp(score), reason, verdict, same, self._draw(molecule, 180, 100))
            )
        unread = asked.reason if asked and source == "iupac" else None
        return Reply(question, self._draw(asked, 380, 170), answers, unread)

    def _draw(self, molecule: Structure | None, width: int, height: int) -> str | None:
        if molecule is None or molecule.smiles is None:
            return None
        # `calls` would cache the result, but pictures are a hundred times as large as other results.
        [result] = self._drawing_worker.map("smiles", "draw", [(molecule.smiles, width, height)])
        picture: Any = result.value
        return picture if picture and len(picture) <= _LARGEST_PICTURE else None


def _compare(calls: NotationCalls, asked: Structure | None, answer: Structure | None) -> str | None:
    """Describe how an answer's molecule is related to the question's molecule; None if either is unknown."""
    if asked is None or answer is None or asked.smiles is None or answer.smiles is None:
        return None
    [result] = calls.call("smiles", "relate", [(answer.smiles, asked.smiles)])
    relation = result.value or {}
    verdict = name_relation(relation)
    warning = asked.warning or answer.warning
    return verdict if warning is None else f"{verdict}, but the name: {warning}"
