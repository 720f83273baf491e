"""Query a trained model from Python.

Without an argument `load` takes the model that ships.

Examples:
    >>> import patois
    >>> model = patois.load("runs/mine")  # doctest: +SKIP
    >>> [(answer.text, answer.probability) for answer in model.predict(["CCO"])]  # doctest: +SKIP
    [('ethanol', 0.93)]
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
from datamodules.tasks import Task
from datamodules.texts.augmentation import labels_of
from datamodules.workers.opsin import why_unavailable
from lightning_modules.decoder.bases import FLAGSHIP
from lightning_modules.decoder.decoders import load_decoder, load_tokenizer
from lightning_modules.generation.generate import GenerationSettings, generate

__all__ = ["Answer", "Model", "load"]


class Answer(NamedTuple):
    """The answer to one text."""

    text: str | None
    """None if the input cannot be answered; `why` gives the reason."""
    probability: float | None
    """Probability of this text and its stop token under the model, in [0, 1]; None without a text."""
    valid: bool
    """Whether the text is complete and valid in the task's output notation."""
    verified: str
    """The strictest reference-free check that the text passes: `back` (it means the input's molecule; OPSIN reads names),
    `formula` (its molecule has the same formula), `valid`, or an empty string."""
    why: str | None
    """Why there is no answer, why it is invalid, or why it could not be verified; otherwise None."""


class Model:
    """A trained model with its tasks and format; `load` creates it.

    Args:
        described: The model's folder, tasks and format.
        device: Where the model generates.
    """

    def __init__(self, described: answerer.Model, device: str | torch.device) -> None:
        self.tasks = {task.name: task for task in described.tasks}
        self._asking, self._device = described.asking, torch.device(device)
        self._tokenizer = load_tokenizer(str(described.weights))
        decoder = load_decoder(str(described.weights), "pretrained")
        torch.nn.Module.to(decoder, self._device)  # transformers annotates its own `to` as taking a model
        self._decoder = decoder.eval()
        settings = json.loads((described.weights / "generation_config.json").read_text(encoding="utf-8"))
        self._max_new_tokens: int = settings.get("max_new_tokens") or GenerationSettings().max_new_tokens
        self._calls = NotationCalls()

    def predict(self, texts: Iterable[str], task: str | None = None, batch_size: int = 64) -> list[Answer]:
        """Answer texts greedily, each independently of the others.

        Args:
            texts: N inputs in the task's input notation; a molecule may have any spelling.
            task: One of `tasks`; optional if the model has only one.
            batch_size: Texts decoded at once.

        Returns:
            N answers in the order of the texts. An invalid text gets an answer with a reason and no text.

        Raises:
            ValueError: If the task is unknown, if it is missing and the model has several, or if `texts` is a single string.
        """
        if isinstance(texts, str):
            raise ValueError(f"Expected a list of texts, but got a single text: write [{texts[:40]!r}].")
        inputs, chosen = list(texts), self._find_task(task)
        reasons: dict[int, str] = {}
        questions: dict[int, str] = {}
        normal = self._calls.call(chosen.input.notation, "normalize", [(text.strip(),) for text in inputs])
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
            for place in range(len(inputs))
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
        encoded = self._asking.encode(self._tokenizer, task, questions)
        prompts = [encoded.prompt(place).tolist() for place in range(len(questions))]
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
                    self._asking.form.extract(text, self._asking.query(task, questions[place])).strip(),
                    score, stopped, tokens,
                )
                for place, text, score, stopped, tokens in written
            ]  # fmt: skip
        too_long = Answer(None, None, False, "", f"longer than the {room} tokens that the model can read")
        return [
            dict(zip(fits, self._verify(rows), strict=True)).get(place, too_long)
            for place in range(len(prompts))
        ]

    def _verify(self, rows: Sequence[EvaluatedRow]) -> list[Answer]:
        """Return answers with their reference-free checks; names are read only if OPSIN is available."""
        named = any("iupac" in (row.input_notation, row.output_notation) for row in rows)
        no_opsin = why_unavailable() if named else None
        evaluation = Evaluation(rows, self._calls, reads_names=named and no_opsin is None)
        answers = []
        for [checked] in check(evaluation):
            answer, verified = choose([checked])
            cut = None if answer.stopped else f"cut at {self._max_new_tokens} tokens"
            why = cut or answer.reason or answer.doubt or (no_opsin and f"names are not read: {no_opsin}")
            valid = answer.reason is None and answer.stopped
            answers.append(Answer(answer.text, math.exp(answer.score), valid, verified, why))
        return answers


def load(folder: str | Path | None = None, device: str | torch.device = "cpu") -> Model:
    """Load a trained model.

    Args:
        folder: A run's folder (`runs/mine`) or its exported `hf` folder; default: the model that ships with Patois, which
            translates molecules to names and names to molecules.
        device: Where the model generates, such as `cuda`.

    Raises:
        ValueError: If the folder holds no exported model, or its task and format are not recorded.
    """
    return Model(answerer.describe(FLAGSHIP if folder is None else Path(folder).expanduser()), device)
