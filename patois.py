"""Ask a trained model from Python.

import patois

model = patois.load("runs/mine")  # without an argument: the model that ships
for answer in model.predict(["CCO", "CC(=O)O"]):
print(answer.text, answer.probability, answer.verified)
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import torch

from callbacks.reports.rerank import check, choose
from callbacks.rows.evaluated_row import EvaluatedRow
from callbacks.rows.evaluation import Evaluation
from callbacks.rows.notation_calls import NotationCalls
from cli.demo import answerer
from datamodules.formats import Query
from datamodules.tasks import Task
from datamodules.texts.augmentation import labels_of
from datamodules.tokens.examples import encode
from datamodules.workers.opsin import why_unavailable
from lightning_modules.decoder.bases import FLAGSHIP
from lightning_modules.decoder.decoders import load_decoder, load_tokenizer
from lightning_modules.generation.generate import GenerationSettings, generate

__all__ = ["Answer", "Model", "load"]


class Answer(NamedTuple):
    """The answer to one text."""

    text: str | None
    """None for an input that cannot be answered; `why` has the reason."""
    probability: float | None
    """Of this text with its stop token under the model, in [0, 1]."""
    valid: bool
    """Whether it is valid in the task's output notation, and complete."""
    verified: str
    """The strictest check without a reference that it passes: `back` (it means the molecule of the input; OPSIN reads
    names), `formula` (a molecule of the same formula), `valid`, or an empty string."""
    why: str | None
    """Why there is no answer, why it is not valid, or why it could not be verified; else None."""


class Model:
    """A trained model with what it was trained on; made by `load`.

    Args:
        described: Its folder, tasks and format.
        device: Where it generates.
    """

    def __init__(self, described: answerer.Model, device: str | torch.device) -> None:
        self.tasks = {task.name: task for task in described.tasks}
        self._form, self._device = described.form, torch.device(device)
        self._tokenizer = load_tokenizer(str(described.weights))
        decoder = load_decoder(str(described.weights), "pretrained")
        torch.nn.Module.to(decoder, self._device)  # transformers annotates its own as taking a model
        self._decoder = decoder.eval()
        settings = json.loads((described.weights / "generation_config.json").read_text(encoding="utf-8"))
        self._max_new_tokens: int = settings.get("max_new_tokens") or GenerationSettings().max_new_tokens
        self._calls = NotationCalls()

    def predict(self, texts: Iterable[str], task: str | None = None, batch_size: int = 64) -> list[Answer]:
        """Answer texts greedily, each as if alone.

        Args:
            texts: N inputs in the task's input notation; molecules in any spelling.
            task: One of `tasks`; it may be left out where there is one only.
            batch_size: Texts decoded at once.

        Returns:
            N answers in the order of the texts. A text that is not valid gets an answer without text, and a reason.

        Raises:
            ValueError: If the task is unknown, or not given where there are several, or a single string is given.
        """
        if isinstance(texts, str):
            raise ValueError(f"Expected a list of texts, but got one text: write [{texts[:40]!r}].")
        asked, chosen = list(texts), self._find_task(task)
        reasons: dict[int, str] = {}
        questions: dict[int, str] = {}
        normal = self._calls.call(chosen.input.notation, "normalize", [(text.strip(),) for text in asked])
        for place, result in enumerate(normal):
            if result.error is None:
                questions[place] = str(result.value)
            else:
                why = result.error.removeprefix("ValueError: ")
                reasons[place] = f"not a valid {labels_of(chosen)[0]}: {why}"
        answered = dict(
            zip(questions, self._answer(chosen, list(questions.values()), batch_size), strict=True)
        )
        return [
            answered.get(place) or Answer(None, None, False, "", reasons[place])
            for place in range(len(asked))
        ]

    def _find_task(self, name: str | None) -> Task:
        if name is None and len(self.tasks) == 1:
            return next(iter(self.tasks.values()))
        if name not in self.tasks:
            raise ValueError(
                f"Expected task= to be one of {', '.join(self.tasks)}, since the model was trained on these, but got {name!r}."
            )
        return self.tasks[name]

    def _answer(self, task: Task, questions: Sequence[str], batch_size: int) -> list[Answer]:
        """Return the answers to normalized questions."""
        queries = [Query(task.instructions[0], question, *labels_of(task)) for question in questions]
        prompts = [self._render(query) for query in queries]
        room = int(self._tokenizer.model_max_length) - 1
        fits = [place for place, ids in enumerate(prompts) if len(ids) <= room]
        rows: list[EvaluatedRow] = []
        if fits:
            width = max(len(prompts[place]) for place in fits)
            ids_BP = torch.zeros((len(fits), width), dtype=torch.int64)
            mask_BP = torch.zeros_like(ids_BP)
            for row, place in enumerate(fits):
                ids_BP[row, width - len(prompts[place]) :] = torch.tensor(prompts[place])
                mask_BP[row, width - len(prompts[place]) :] = 1
            made = generate(
                self._decoder, self._tokenizer, ids_BP.to(self._device), mask_BP.to(self._device),
                GenerationSettings(max_new_tokens=self._max_new_tokens), slots=batch_size,
            )  # fmt: skip
            written = zip(
                fits,
                made.text,
                made.score.tolist(),
                made.stopped.tolist(),
                made.num_tokens.tolist(),
                strict=True,
            )
            rows = [
                EvaluatedRow(
                    place, task.name, questions[place], None, task.input.notation, task.output.notation,
                    self._form.extract(text, queries[place]).strip(), score, stopped, tokens,
                )
                for place, text, score, stopped, tokens in written
            ]  # fmt: skip
        too_long = Answer(None, None, False, "", f"longer than the {room} tokens that the model can read")
        return [
            dict(zip(fits, self._verify(rows), strict=True)).get(place, too_long)
            for place in range(len(prompts))
        ]

    def _render(self, query: Query) -> list[int]:
        chat = self._form.chat
        prompt = self._form.render_chat(self._tokenizer, query) if chat else self._form.render(query)[0]
        ids: list[int] = encode(self._tokenizer, [prompt], [""], special_tokens=not chat).prompt(0).tolist()
        return ids

    def _verify(self, rows: Sequence[EvaluatedRow]) -> list[Answer]:
        """Return answers with the checks that need no reference; names are read where there is OPSIN."""
        named = any("iupac" in (row.input_notation, row.output_notation) for row in rows)
        no_opsin = why_unavailable() if named else None
        evaluation = Evaluation(rows, self._calls, reads_names=named and no_opsin is None)
        answers = []
        for [checked] in check(evaluation):
            answer, verified = choose([checked])
            cut = None if answer.stopped else f"cut at {self._max_new_tokens} tokens"
            unread = answer.unread and f"OPSIN cannot read the input: {answer.unread}"
            why = cut or answer.reason or unread or (no_opsin and f"names are not read: {no_opsin}")
            valid = answer.reason is None and answer.stopped
            answers.append(Answer(answer.text, math.exp(answer.score), valid, verified, why))
        return answers


def load(folder: str | Path | None = None, device: str | torch.device = "cpu") -> Model:
    """Load a trained model.

    Args:
        folder: A run's folder (`runs/mine`) or its exported `hf` folder; default: the model that ships, which names
            molecules and draws names.
        device: Where it generates, such as `cuda`.

    Raises:
        ValueError: If the folder holds no exported model, or nothing tells its task and format.
    """
    return Model(answerer.describe(FLAGSHIP if folder is None else Path(folder).expanduser()), device)
