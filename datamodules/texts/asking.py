"""How a trained model is asked: its tasks and its format. `patois.json` keeps it beside exported weights."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from configs.lookup import suggest
from datamodules.choices import show_options
from datamodules.formats import InstructionFormat, Query, build_format
from datamodules.infilling import find_gap
from datamodules.tasks import Task, build_task, keep_asked
from datamodules.texts.augmentation import ask
from datamodules.tokens.examples import Encoded, encode

FILE = "patois.json"
"""The file's name in an exported folder."""
VERSION = 1
"""Version of the file's layout."""


@dataclass(frozen=True)
class Asking:
    r"""The tasks that a model was trained on, and the format in which it was asked.

    Examples:
        >>> from datamodules.formats import load_format
        >>> from datamodules.tasks import load_task
        >>> asking = Asking((load_task("smiles_to_iupac"),), load_format("labels"))
        >>> asking.prompt(None, asking.tasks[0], "CCO")
        'SMILES: CCO\nIUPAC:'
    """

    tasks: tuple[Task, ...]
    form: InstructionFormat
    shots: int = 0
    """Number of training rows before each question; they are not part of this."""
    conditions: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """By the name of a task, the conditions of its training rows (see `Task.condition`); a task without one is not in it."""

    def in_condition(self, task: Task, condition: str | None) -> Task:
        """Return a task that is asked in a condition; None leaves it as it is.

        Raises:
            ValueError: If the task has no condition, the format does not show it, or no training row was in that one.
        """
        if condition is None:
            return task
        refuse_condition(condition, self.form, self.conditions.get(task.name, ()))
        if task.condition is None:
            raise ValueError(
                f"Expected no condition, since the task {task.name!r} has none, but got {condition!r}: leave it out."
            )
        return replace(task, condition=replace(task.condition, ask=condition))

    def query(self, task: Task, text: str) -> Query:
        """Return the question about a text, in the words of an evaluation: the task's first phrasing."""
        if task.choices is not None and task.choices.shown and task.choices.options:
            text = show_options(text, task.choices.options)
        return ask(task, text)

    def prompt(self, tokenizer: Any, task: Task, text: str) -> str:
        """Return the prompt for a text, without demonstrations; the tokenizer may be None unless the format is a chat's."""
        query = self.query(task, text)
        return self.form.render_chat(tokenizer, query) if self.form.chat else self.form.render(query)[0]

    def frame(self, tokenizer: Any, task: Task) -> tuple[str, str, str]:
        """Return the format's texts before and after an answer, and the prompt without an input."""
        return frame_answers(self.form, tokenizer, task)

    def encode(self, tokenizer: Any, task: Task, texts: Sequence[str]) -> Encoded:
        """Return the prompts of texts as tokens, as training and evaluation make them."""
        prompts = [self.prompt(tokenizer, task, text) for text in texts]
        return encode(tokenizer, prompts, [""] * len(prompts), special_tokens=not self.form.chat)

    def read(self, task: Task, text: str, written: str) -> str:
        """Return the answer in what a model wrote about a text; of a text with a gap, the whole text with the gap filled in."""
        answer = self.form.extract(written, self.query(task, text))
        return answer.join(find_gap(text)) if task.input.mask == "spans" else answer

    def save(self, folder: Path, **facts: Any) -> None:
        """Write `patois.json`; `facts` are other settings and facts for other tools."""
        content = {
            "version": VERSION,
            "tasks": [asdict(task) for task in self.tasks],
            "format": asdict(self.form),
            "shots": self.shots,
            "conditions": {name: list(known) for name, known in self.conditions.items()},
            **facts,
        }
        text = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
        (folder / FILE).write_text(text, encoding="utf-8")


def refuse_condition(condition: str, form: InstructionFormat, known: Sequence[str]) -> None:
    """Raise an error if answers would be the same in any condition, or if a model was not trained in this one.

    Args:
        condition: The condition that is asked for.
        form: The format in which the model is asked.
        known: The conditions of its training rows; empty if they are not recorded.

    Raises:
        ValueError: If the format shows no condition, or the condition is not a known one.
    """
    if not form.uses_condition:
        raise ValueError(
            f"Expected no condition, since the model's format {form.name} shows none and answers would be the same, but got "
            f"{condition!r}: leave it out, or train with a format that shows it, such as styled."
        )
    if known and condition not in known:
        raise ValueError(
            f"Expected the condition to be one in which the model was trained ({', '.join(known)}), but got {condition!r}."
            f"{suggest(condition, list(known))}"
        )


def frame_answers(form: InstructionFormat, tokenizer: Any, task: Task) -> tuple[str, str, str]:
    """Return a format's texts before and after an answer to a task, and the prompt without an input."""
    query = ask(task)
    null = form.render_chat(tokenizer, query) if form.chat else form.render(query)[0]
    return (*form.affixes(query), null)


def check_distinct(tasks: Sequence[Task], form: InstructionFormat) -> None:
    """Refuse tasks that ask different things about one column in the same words, since no model could tell them apart.

    A task that only trains is asked by nobody: it may say what another one says, with more rows.

    Raises:
        ValueError: If the format shows neither the instruction nor a label that tells two tasks apart.
    """
    asked: dict[tuple[str, bool, tuple[str, str]], str] = {}
    for task in keep_asked(tasks):
        query = ask(task)
        # A gap tells a task from others, which are never asked about one.
        words = task.input.column, task.input.mask == "spans", form.render(query)
        if words in asked:
            raise ValueError(
                f"--data.format {form.name} asks the tasks {asked[words]!r} and {task.name!r} in the same words, so no model "
                "could tell them apart: use --data.format labels, which names the columns."
            )
        asked[words] = task.name


def read_choice_score(folder: Path) -> str | None:
    """Return how the model in a folder scores the choices of a task; None if the folder does not tell."""
    found: str | None = _read_fact(folder, "choice_score")
    return found


def list_parts(folder: Path) -> list[Path]:
    """Return the folders within a model's folder whose weights answer further tasks (`parts` in its patois.json)."""
    return [folder / str(name) for name in _read_fact(folder, "parts") or ()]


def _read_fact(folder: Path, name: str) -> Any:
    path = folder / FILE
    return json.loads(path.read_text(encoding="utf-8")).get(name) if path.is_file() else None


def load_parts(folder: Path) -> dict[Path, Asking]:
    """Return how the models in these folders are asked, by folder.

    Raises:
        ValueError: If a file is not as `Asking.save` writes it.
    """
    return {part: asking for part in list_parts(folder) if (asking := load_asking(part)) is not None}


def load_asking(folder: Path) -> Asking | None:
    """Return how the model in a folder is asked, or None if the folder does not tell.

    Raises:
        ValueError: If the file is not as `Asking.save` writes it.
    """
    path = folder / FILE
    if not path.is_file():
        return None
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["version"] != VERSION:
            raise ValueError(f"version {content['version']}")
        tasks = tuple(build_task(task, str(path)) for task in content["tasks"])
        form = build_format(content["format"].pop("name"), content["format"], str(path))
        return Asking(tasks, form, int(content["shots"]), content.get("conditions", {}))
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"{path}: expected the tasks and the format of version {VERSION}, as a fit exports them, but got {error}. "
            "Export the run again, or name --task and --format."
        ) from error
