"""Tasks: which column is the input, which the output, in which notations, asked in which words.

A task is a YAML file; adding one takes no code (see `configs/tasks/smiles_to_iupac.yaml`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

from configs.lookup import find_config, load_yaml, suggest
from configs.yaml_text import Plain, read_written, read_yaml
from datamodules.choices import Choices, build_choices
from datamodules.infilling import check_kind
from datamodules.notations.lookup import load_notation

Kind = Literal["text", "choices", "number"]


@dataclass(frozen=True)
class Side:
    """One side, input or output, of a task."""

    column: str
    """The table's column. A column of lists gives its first entry (and in training any entry)."""
    notation: str = "text"
    """What kind of string it holds: a module of `datamodules/notations`."""
    label: str = ""
    """How formats call it, e.g. `SMILES` in `<SMILES> … </SMILES>`; the column's name when empty."""
    alternatives: str | None = None
    """A column of lists with other right strings; in training one is drawn per row and epoch."""
    convert_from: str | None = None
    """The notation that the column holds when it is not `notation`; it is converted by
    `datamodules.notations.<notation>.from_<convert_from>`."""
    randomize: bool = False
    """Write the molecule in another order each time (a pure function of seed, epoch and row)."""
    digits: int | None = None
    """A number's digits behind the point: the model learns and writes numbers rounded to so many."""
    unit: str = ""
    """A number's unit, for people."""
    separator: str = ""
    """What stands between the right answers in a cell; any of them is right, and training takes the first."""
    template: str = ""
    """How several columns make one text: `{context}\\n{question}`; empty for a single column."""
    mask: str = ""
    """Of an input: what to fill in or repair (see `datamodules.infilling`); the output has the same column. `spans`: a part is
    missing and is the answer. `damage`: some characters are wrong, and the whole text is the answer."""

    @property
    def shown_notation(self) -> str:
        """The notation of the texts that a model is shown; one that is masked is in none, so `text`."""
        return "text" if self.mask else self.notation

    @property
    def columns(self) -> list[str]:
        """The table's columns: one, or those that the template names."""
        return _NAMED.findall(self.template) if self.template else [self.column]


_NAMED = re.compile(r"{([^{}]+)}")


@dataclass(frozen=True)
class Identity:
    """What may never stand on both sides of a split."""

    column: str
    """The table's column."""
    before: str = ""
    """Keep only the text before this mark: `-` makes an InChIKey its connectivity block."""


@dataclass(frozen=True)
class Condition:
    """What an answer is under beside its input, such as the style of a name; a format may show it as `{{ condition }}`."""

    column: str
    """The table's column; where it or a cell is missing, a row is in the condition `ask`."""
    ask: str
    """The condition that evaluation and prediction ask for (see `--data.condition`)."""
    only_asked: bool = True
    """Evaluate only rows in that condition; else all, each asked in its own."""


@dataclass(frozen=True)
class Task:
    """A sequence-to-sequence task over the columns of a table."""

    name: str
    input: Side
    output: Side
    instructions: tuple[str, ...] = ("",)
    """Phrasings of the same request; evaluation uses the first, training any (see `--data.phrasings`)."""
    choices: Choices | None = None
    """The answers that it allows, one of which is right; None if the answer is any text."""
    source: str | None = None
    """The source it is made for, used when `--data.source` is not given."""
    identity: Identity | None = None
    """Where the split's identity stands; worked out from the notations when missing."""
    condition: Condition | None = None
    """What tells apart answers of several kinds to one input."""
    shots_from: str | None = None
    """A column; demonstrations are rows with the same cell there, on the row's own side of the split (see `--data.shots`)."""
    words: str | None = None
    """A file with a word a line: rows whose texts have other words are skipped and counted (see `rows.vocabulary`)."""
    only_trains: bool = False
    """Its rows are training rows and nothing else, such as rows that rules made: none is evaluated as if it were a reference."""
    description: str = field(default="", compare=False)

    @property
    def kind(self) -> Kind:
        """What its answers are: `text`, one of some `choices`, or a `number`."""
        if self.choices is not None:
            return "choices"
        return "number" if self.output.notation == "number" else "text"


def find_reverse(task: Task, others: Sequence[Task]) -> Task | None:
    """Return the first of other tasks that asks for a task's input by its output, or None.

    Examples:
        >>> back = Task("back", Side("product", "smiles"), Side("reactants", "smiles"))
        >>> find_reverse(back, [back, Task("forth", Side("reactants", "smiles"), Side("product", "smiles"))]).name
        'forth'
    """
    wanted = [(side.column, side.shown_notation) for side in (task.output, task.input)]
    return next(
        (
            one
            for one in others
            if [(side.column, side.shown_notation) for side in (one.input, one.output)] == wanted
        ),
        None,
    )


def keep_asked(tasks: Sequence[Task]) -> list[Task]:
    """Return the tasks that a trained model is asked: without those that only train, unless there are no others.

    Examples:
        >>> real = Task("real", Side("a"), Side("b"))
        >>> made = Task("made", Side("a"), Side("b"), only_trains=True)
        >>> [task.name for task in keep_asked([real, made])], [task.name for task in keep_asked([made])]
        (['real'], ['made'])
    """
    return [task for task in tasks if not task.only_trains] or list(tasks)


_KINDS: dict[str, tuple[type, str]] = {
    "randomize": (bool, "true or false"),
    "only_trains": (bool, "true or false"),
    "only_asked": (bool, "true or false"),
    "digits": (int, "a whole number"),
}
"""The types of the keys that are no text."""


def _build(kind: type, content: Any, where: str) -> Any:
    """Make a dataclass of a mapping; unknown and missing keys are errors that list the known ones."""
    known = [item.name for item in fields(kind)]
    if not isinstance(content, Mapping):
        raise ValueError(
            f"{where}: expected a mapping with the keys {', '.join(known)}, but got {content!r}."
        )
    for key, value in tuple(content.items()):
        if key not in known:
            raise ValueError(
                f"{where}: unknown key {key!r} (known: {', '.join(known)}).{suggest(str(key), known)}"
            )
        expected, called = _KINDS.get(key, (str, "text"))
        if isinstance(value, Plain):
            value = str(value) if expected is str else read_yaml(value)
            content = {**content, key: value}
        if kind is not Task and value is not None and type(value) is not expected:
            raise ValueError(f"{where}: expected {key!r} to be {called}, but got {value!r}.")
    try:
        return kind(**content)
    except TypeError as error:
        raise ValueError(f"{where}: {error}; known keys: {', '.join(known)}.") from error


def load_task(name_or_path: str) -> Task:
    """Read a task file.

    Args:
        name_or_path: A name in `configs/tasks`, or the path of a YAML file.

    Raises:
        ValueError: If there is no such task, or its file is no task.
    """
    path = find_config("tasks", name_or_path)
    return build_task(load_yaml(path, read_written), str(path))  # a column may be called 2024 or no


def build_task(content: dict[str, Any], path: str) -> Task:
    """Make a task of a file's content.

    Args:
        content: The keys of a task file, and its `name`.
        path: Names the file in errors.

    Raises:
        ValueError: If a key is unknown or missing, or a notation does not exist.
    """
    content = dict(content)
    for side in ("input", "output"):
        if side not in content:
            raise ValueError(
                f"{path}: a task needs the key {side!r}, e.g. {side}: {{column: smiles, notation: smiles}}."
            )
        content[side] = _build(Side, _join_columns(content[side], f"{path}: {side}"), f"{path}: {side}")
        try:
            load_notation(content[side].notation)
        except ValueError as error:
            raise ValueError(f"{path}: {side}: {error}") from error
    try:
        content["choices"] = build_choices(content.get("choices"))
    except ValueError as error:
        raise ValueError(f"{path}: choices: {error}") from error
    _check_mask(content, path)
    if content.get("identity") is not None:
        content["identity"] = _build(Identity, content["identity"], f"{path}: identity")
    if content.get("condition") is not None:
        content["condition"] = _build(Condition, content["condition"], f"{path}: condition")
    instructions = content.get("instructions", [""])
    listed = isinstance(instructions, Sequence) and not isinstance(instructions, str)
    if not listed or not instructions or not all(isinstance(text, str) for text in instructions):
        raise ValueError(
            f"{path}: expected `instructions` to be a list of phrasings, but got {instructions!r}."
        )
    only_trains = content.get("only_trains", False)
    only_trains = read_yaml(only_trains) if isinstance(only_trains, Plain) else only_trains
    if not isinstance(only_trains, bool):
        raise ValueError(f"{path}: expected `only_trains` to be true or false, but got {only_trains!r}.")
    content["instructions"] = tuple(str(text) for text in instructions)
    content["name"] = Path(path).stem if content.get("name") is None else str(content["name"])
    for key in ("source", "words"):
        if isinstance(content.get(key), str) and not Path(content[key]).expanduser().exists():
            beside = Path(path).parent / content[key]  # a run may be used from another folder
            content[key] = str(beside) if beside.is_file() else content[key]
    task: Task = _build(Task, content, path)
    return task


def _check_mask(content: Mapping[str, Any], path: str) -> None:
    """Refuse a mask that cannot work: its answer is a part of its input, so both sides are one column in one notation."""
    given, output = content["input"], content["output"]
    if output.mask:
        raise ValueError(f"{path}: output: `mask` belongs to the input, whose texts are masked.")
    if not given.mask:
        return
    try:
        check_kind(given.mask, given.notation)
    except ValueError as error:
        raise ValueError(f"{path}: input: {error}") from error
    names = "column", "notation", "convert_from"
    for name in names:
        wanted, found = getattr(given, name), getattr(output, name)
        if wanted != found:
            raise ValueError(
                f"{path}: the answers of a task with `mask` are parts of its inputs, so expected the output's `{name}` to be the "
                f"input's, {wanted!r}, but got {found!r}."
            )
    if given.template or content["choices"] is not None:
        what = "a template" if given.template else "choices"
        raise ValueError(f"{path}: a task with `mask` cannot have {what}. Leave out either.")


def _join_columns(content: Any, where: str) -> Any:
    """Return a side's keys with `column` and `template` in place of `columns`; a template names columns in braces."""
    if not isinstance(content, Mapping) or not {"columns", "template"} & set(content):
        return content
    rest = {key: value for key, value in content.items() if key != "columns"}
    template = str(content.get("template") or "")
    names = content.get("columns") or _NAMED.findall(template)
    if isinstance(names, str) or not isinstance(names, Sequence):
        raise ValueError(f"{where}: expected `columns` to be a list of columns, but got {names!r}.")
    names = [str(name) for name in names]
    if not template:
        return {**rest, **several_columns(names)} if names else rest
    if set(_NAMED.findall(template)) != set(names):
        raise ValueError(
            f"{where}: expected `template` to name each of {', '.join(names)} in braces, but got {template!r}."
        )
    return {**rest, "column": rest.get("column") or ",".join(names)}


def several_columns(names: Sequence[str]) -> dict[str, Any]:
    r"""Return the keys of a side made of columns, a line for each of several.

    >>> several_columns(["context", "question"]), several_columns(["smiles"])
    ({'column': 'context,question', 'template': '{context}\n{question}'}, {'column': 'smiles'})
    """
    if len(names) == 1:
        return {"column": names[0]}
    return {"column": ",".join(names), "template": "\n".join(f"{{{name}}}" for name in names)}
