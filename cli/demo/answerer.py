"""Ask a trained model one question: several answers, each with its probability and what checks say of it.

What `cli/demo/page.py` shows. Questions and answers may be anything: molecules are looked at in processes that can be killed.
"""

from __future__ import annotations

import json
import math
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import torch

from callbacks.rows.notation_calls import call, invalid_reasons
from callbacks.rows.structures import Structure, read_structures
from configs.lookup import CONFIGS, load_yaml
from datamodules.formats import InstructionFormat, Query, load_format
from datamodules.notations._checks import MAX_LENGTH
from datamodules.tasks import Task, choose_tasks
from datamodules.texts.augmentation import labels_of
from datamodules.tokens.examples import encode
from datamodules.workers.guarded_worker import GuardedWorker
from datamodules.workers.opsin import why_unavailable
from lightning_modules.decoder.bases import FLAGSHIP
from lightning_modules.decoder.decoders import load_decoder, load_tokenizer
from lightning_modules.generation.generate import GenerationSettings, generate

ANSWERS = 8
"""Answers that are generated: the greedy one and drawn ones. Equal ones are shown once."""
TEMPERATURE = 0.8
"""Of the drawn ones: a little less varied than the model, since the rare answers are mostly broken."""
_VERDICTS = {
    "canonical": "the same molecule",
    "tautomer": "a tautomer of it",
    "without_stereo": "the same but for stereo",
    "skeleton": "same skeleton, other charge, salt or tautomer",
    "formula": "right formula, other structure",
}
_MOST_TOKENS = (
    512  # of an answer, whatever an exported folder says: one question must not occupy the page for minutes
)
_LARGEST_PICTURE = 300_000  # characters of SVG


class Answer(NamedTuple):
    """One answer of a model."""

    text: str
    probability: float
    """Of this very text with its stop token under the model, in [0, 1]."""
    reason: str | None
    """Why it is not valid in the task's output notation; None if it is."""
    verdict: str | None
    """How its molecule is related to that of the question; None where there is nothing to say."""
    same: bool
    """Whether it is the very molecule of the question."""
    picture: str | None
    """Its molecule as SVG."""


class Reply(NamedTuple):
    """What became of a question."""

    question: str
    """As the model read it: normalized."""
    picture: str | None
    """Its molecule as SVG."""
    answers: list[Answer]
    """Different texts, the most probable first."""
    unread: str | None = None
    """Why OPSIN cannot read the name that was asked, so that no answer can be checked by it."""


@dataclass(frozen=True)
class Model:
    """A trained model's folder and what it was trained on."""

    weights: Path
    """A Hugging Face folder."""
    tasks: tuple[Task, ...]
    form: InstructionFormat


def default_folder(runs: Path = Path("runs")) -> Path:
    """Return the model to show when none is named: that of the run which ended last, or else the one that ships."""
    ended = max(runs.glob("*/hf/config.json"), key=lambda path: path.stat().st_mtime, default=None)
    return FLAGSHIP if ended is None else ended.parent.parent


def describe(folder: Path, task: str | None = None, form: str | None = None) -> Model:
    """Find a model's weights and what they were trained on.

    Args:
        folder: A run's folder, or its `hf` folder, or a copy of that.
        task: As `--data.task`; default: the run's.
        form: As `--data.format`; default: the run's.

    Raises:
        ValueError: If the folder holds no weights, or nothing tells the task and the format, or the run used
            demonstrations, which are rows of its table.
    """
    weights = next((path for path in (folder / "hf", folder) if (path / "config.json").is_file()), None)
    if weights is None:
        raise ValueError(
            f"Expected --model to be a run's folder that has hf/ (it is written when a fit ends), or an exported Hugging "
            f"Face folder, but there is neither {folder / 'hf/config.json'} nor {folder / 'config.json'}."
        )
    ships = weights.resolve() == FLAGSHIP
    settings = CONFIGS / "flagship.yaml" if ships else weights.resolve().parent / "config.yaml"
    data = (load_yaml(settings).get("data") or {}) if settings.is_file() else {}
    if not data and not (task and form):
        raise ValueError(
            f"{settings} is not there, so that the task and the format of {weights} are not known: say them with --task and "
            "--format (the model card in the folder has them)."
        )
    if data.get("shots"):
        raise ValueError(
            f"{settings}: --data.shots {data['shots']} puts rows of the training table before each question, which this page "
            "does not read. Use `python train.py predict`."
        )
    columns = ("input_column", "output_column", "input_notation", "output_notation")
    own = {} if task else {name: data.get(name) for name in columns}
    tasks, _ = choose_tasks(task or data.get("task"), **own)
    return Model(weights, tuple(tasks), load_format(form or data["format"]))


class Answerer:
    """Answers questions, one at a time.

    Args:
        model: See `describe`.
        answers: Most answers to a question.
    """

    def __init__(self, model: Model, answers: int = ANSWERS) -> None:
        self.model, self.count = model, answers
        self.tasks = {task.name: task for task in model.tasks}
        # Nothing of another's making is run: load_tokenizer and load_decoder refuse code unless they are told otherwise.
        self.tokenizer = load_tokenizer(str(model.weights))
        self.decoder = load_decoder(str(model.weights), "pretrained").eval()
        settings = json.loads((model.weights / "generation_config.json").read_text(encoding="utf-8"))
        self.max_new_tokens = min(settings.get("max_new_tokens") or _MOST_TOKENS, _MOST_TOKENS)
        self._painter = GuardedWorker()
        self._one_at_a_time = threading.Lock()

    def why_no_names(self) -> str | None:
        """Return why names are not read back, or None if they are or no task has any."""
        named = any("iupac" in (task.input.notation, task.output.notation) for task in self.model.tasks)
        return why_unavailable() if named else None

    def ask(self, task_name: str, text: str) -> Reply:
        """Answer a question.

        Args:
            task_name: One of `tasks`.
            text: The input, in the task's input notation.

        Raises:
            ValueError: If the text is no valid input; the message can be shown to who typed it.
        """
        if task_name not in self.tasks:
            raise ValueError(
                f"Expected a task out of {', '.join(self.tasks)}, but got {str(task_name)[:100]!r}."
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
            raise ValueError("Expected text, but it holds half a character (a lone surrogate).") from error
        with self._one_at_a_time:
            [result] = call(task.input.notation, "normalize", [(text,)])
            if result.error is not None:
                raise ValueError(
                    f"Not a valid {labels_of(task)[0]}: {result.error.removeprefix('ValueError: ')}."
                )
            return self._reply(task, str(result.value), self._generate(task, str(result.value)))

    def _generate(self, task: Task, question: str) -> dict[str, tuple[float, bool]]:
        """Return log-probability and whether it stopped by different answer, the most probable first."""
        query = Query(task.instructions[0], question, *labels_of(task))
        form = self.model.form
        prompt = form.render_chat(self.tokenizer, query) if form.chat else form.render(query)[0]
        ids = encode(self.tokenizer, [prompt], [""], special_tokens=not form.chat).prompt(0)
        room = int(self.tokenizer.model_max_length) - 1
        if len(ids) > room:
            raise ValueError(
                f"Expected a question of at most {room} tokens, what the model can read, but it has {len(ids)}."
            )
        ids_BP = torch.tensor(ids.astype("int64"))[None]
        greedy = GenerationSettings(max_new_tokens=self.max_new_tokens)
        drawn = GenerationSettings("sample", temperature=TEMPERATURE, max_new_tokens=self.max_new_tokens)
        found: dict[str, tuple[float, bool]] = {}
        for settings, count in ((greedy, 1), (drawn, self.count - 1)):
            if count:
                prompts = ids_BP.repeat(count, 1)
                made = generate(self.decoder, self.tokenizer, prompts, torch.ones_like(prompts), settings)
                for answer, score, stopped in zip(
                    made.text, made.score.tolist(), made.stopped.tolist(), strict=True
                ):
                    found.setdefault(form.extract(answer, query), (score, stopped))
        return dict(sorted(found.items(), key=lambda item: -item[1][0]))

    def _reply(self, task: Task, question: str, found: dict[str, tuple[float, bool]]) -> Reply:
        texts = list(found)
        source, target = task.input.notation, task.output.notation
        with_names = "iupac" in (source, target) and why_unavailable() is None
        reasons = invalid_reasons(target, texts)
        read = read_structures(source, [question], with_names) + read_structures(target, texts, with_names)
        asked, *meant = read
        # A task from structure to structure may ask for another molecule, as a reaction's product: nothing to compare.
        compares = (source == "iupac") != (target == "iupac") and asked is not None
        answers = []
        for text, reason, molecule in zip(texts, reasons, meant, strict=True):
            score, stopped = found[text]
            reason = (
                reason
                or (molecule.reason if molecule else None)
                or (None if stopped else "cut: never stopped")
            )
            verdict = _compare(asked, molecule) if compares else None
            same = verdict == _VERDICTS["canonical"]
            answers.append(
                Answer(text, math.exp(score), reason, verdict, same, self._draw(molecule, 180, 100))
            )
        unread = asked.reason if asked and source == "iupac" else None
        return Reply(question, self._draw(asked, 380, 170), answers, unread)

    def _draw(self, molecule: Structure | None, width: int, height: int) -> str | None:
        if molecule is None or molecule.smiles is None:
            return None
        # Not by `call`, which keeps its answers: pictures are a hundred times as large as other ones.
        [result] = self._painter.map("smiles", "draw", [(molecule.smiles, width, height)])
        picture: Any = result.value
        return picture if picture and len(picture) <= _LARGEST_PICTURE else None


def _compare(asked: Structure | None, answer: Structure | None) -> str | None:
    """Return in words how an answer's molecule is related to the one of the question; None if either is not known."""
    if asked is None or answer is None or asked.smiles is None or answer.smiles is None:
        return None
    [result] = call("smiles", "relate", [(answer.smiles, asked.smiles)])
    relation = result.value or {}
    verdict = next((words for kind, words in _VERDICTS.items() if relation.get(kind)), "another molecule")
    warning = asked.warning or answer.warning
    return verdict if warning is None else f"{verdict}, but the name: {warning}"
