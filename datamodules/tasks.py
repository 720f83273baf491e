"""Tasks: which column is the input, which the output, in which notations, asked in which words.

A task is a YAML file; adding one takes no code (see `configs/tasks/smiles_to_iupac.yaml`).
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from configs.lookup import SUFFIXES, find_config, find_name, load_yaml, suggest
from configs.yaml_text import Plain, read_written, read_yaml
from datamodules.notations.lookup import load_notation, name_notation

DEFAULT_TASK = "name_small_molecules"


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


@dataclass(frozen=True)
class Identity:
    """What may never stand on both sides of a split."""

    column: str
    """The table's column."""
    before: str = ""
    """Keep only the text before this mark: `-` makes an InChIKey its connectivity block."""


@dataclass(frozen=True)
class Task:
    """A sequence-to-sequence task over the columns of a table."""

    name: str
    input: Side
    output: Side
    instructions: tuple[str, ...] = ("",)
    """Phrasings of the same request; evaluation uses the first, training any (see `--data.phrasings`)."""
    source: str | None = None
    """The source it is made for, used when `--data.source` is not given."""
    identity: Identity | None = None
    """Where the split's identity stands; worked out from the notations when missing."""
    shots_from: str | None = None
    """A column; demonstrations are rows with the same cell there, on the row's own side of the split (see `--data.shots`)."""
    words: str | None = None
    """A file with a word a line: rows whose texts have other words are skipped and counted (see `rows.vocabulary`)."""
    description: str = field(default="", compare=False)


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
        expected = bool if key == "randomize" else str
        if isinstance(value, Plain):
            value = read_yaml(value) if expected is bool else str(value)
            content = {**content, key: value}
        if kind is not Task and value is not None and not isinstance(value, expected):
            raise ValueError(
                f"{where}: expected {key!r} to be {'true or false' if expected is bool else 'text'}, but got {value!r}."
            )
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
        content[side] = _build(Side, content[side], f"{path}: {side}")
        try:
            load_notation(content[side].notation)
        except ValueError as error:
            raise ValueError(f"{path}: {side}: {error}") from error
    if content.get("identity") is not None:
        content["identity"] = _build(Identity, content["identity"], f"{path}: identity")
    instructions = content.get("instructions", [""])
    listed = isinstance(instructions, Sequence) and not isinstance(instructions, str)
    if not listed or not instructions or not all(isinstance(text, str) for text in instructions):
        raise ValueError(
            f"{path}: expected `instructions` to be a list of phrasings, but got {instructions!r}."
        )
    content["instructions"] = tuple(str(text) for text in instructions)
    content["name"] = Path(path).stem if content.get("name") is None else str(content["name"])
    for key in ("source", "words"):
        if isinstance(content.get(key), str) and not Path(content[key]).expanduser().exists():
            beside = Path(path).parent / content[key]  # a run may be used from another folder
            content[key] = str(beside) if beside.is_file() else content[key]
    task: Task = _build(Task, content, path)
    return task


def task_from_columns(
    input_column: str,
    output_column: str,
    input_notation: str | None = None,
    output_notation: str | None = None,
) -> Task:
    """Make a task of two columns of a table, without a task file.

    The instruction names the two columns. A notation that is not given is what the header names, until the cells are read
    (see `rows.guess_notations`).

    Examples:
        >>> task = task_from_columns("smiles", "name")
        >>> task.name, task.input.notation, task.output.notation, task.instructions
        ('smiles_to_name', 'smiles', 'text', ('Give the name for this smiles.',))
    """
    sides = []
    for column, notation in ((input_column, input_notation), (output_column, output_notation)):
        notation = notation or name_notation(column)
        load_notation(notation)
        sides.append(Side(column=column, notation=notation, label=column))
    return Task(
        name=f"{input_column}_to_{output_column}",
        input=sides[0],
        output=sides[1],
        instructions=(f"Give the {output_column} for this {input_column}.",),
    )


def find_open_sides(
    task: Any,
    input_column: str | None,
    output_column: str | None,
    input_notation: str | None,
    output_notation: str | None,
) -> tuple[str, ...]:
    """Return the sides, `input` and `output`, whose notation neither a flag nor a task file gives; arguments as `choose_tasks`.

    Examples:
        >>> find_open_sides(None, "smiles", "name", "smiles", None), find_open_sides("smiles_to_iupac", "a", "b", None, None)
        (('output',), ())
    """
    if task is not None or not input_column or not output_column:
        return ()
    given = {"input": input_notation, "output": output_notation}
    return tuple(side for side, notation in given.items() if not notation)


def parse_weights(
    task: str | Sequence[str] | Mapping[str, float], folder: Path = Path()
) -> dict[str, float | None]:
    """Read `--data.task`: a name, `a,b`, `a:2,b:1`, a list of those, or a mapping of name to weight.

    A task that is named without a weight gets None; one of weight 0 is evaluated and never trained. The path of a file may
    hold commas and colons.

    Args:
        task: The value of the flag.
        folder: The folder that relative paths are meant from; default: the working folder.

    Raises:
        ValueError: If a weight is below 0 or no number, no weight is above 0, or no task is named.

    Examples:
        >>> parse_weights("smiles_to_iupac:2, smiles_to_formula:1")
        {'smiles_to_iupac': 2.0, 'smiles_to_formula': 1.0}
        >>> parse_weights(["smiles_to_iupac", "smiles_to_formula"])
        {'smiles_to_iupac': None, 'smiles_to_formula': None}
        >>> parse_weights("smiles_to_iupac:-1")
        Traceback (most recent call last):
            ...
        ValueError: Expected --data.task to be ... with weights of 0 or more, but got 'smiles_to_iupac' with weight '-1'.
    """
    if isinstance(task, Mapping):
        pairs: list[tuple[str, float | str | None]] = [(str(name), weight) for name, weight in task.items()]
    else:
        texts = [task] if isinstance(task, str) else task
        pairs = [pair for text in texts for pair in _read_pairs(text, folder)]
    weights: dict[str, float | None] = {}
    for name, weight in pairs:
        try:
            value = 1.0 if weight is None else float(weight)
        except (TypeError, ValueError):
            value = -1.0
        weights[name] = None if weight is None else value
        if not 0 <= value < float("inf") or not name:
            raise ValueError(
                f"Expected --data.task to be name, name,name or name:weight,name:weight with weights of 0 or more, "
                f"but got {name!r} with weight {weight!r}."
            )
    if not weights:
        raise ValueError("Expected --data.task to name at least one task, but it is empty.")
    if not any(weight is None or weight > 0 for weight in weights.values()):
        raise ValueError(
            f"Expected --data.task to have a weight above 0, but got 0 for all of {', '.join(weights)}; 0 trains nothing."
        )
    return weights


def _read_pairs(text: str, folder: Path) -> list[tuple[str, float | str | None]]:
    """Return the tasks of `a,b` or `a:2,b:1` with their weights; the longest piece that is a file is that file."""
    pairs: list[tuple[str, float | str | None]] = []
    parts = text.split(",")
    while parts:
        for length in range(len(parts), 0, -1):
            piece = ",".join(parts[:length]).strip()
            name, colon, weight = piece.rpartition(":")
            if (is_file := _is_file(piece, folder)) or (colon and _is_file(name, folder)) or length == 1:
                pairs.append((piece, None) if is_file or not colon else (name, weight))
                parts = parts[length:]
                break
    return pairs


def _is_file(path: str, folder: Path) -> bool:
    return (path.endswith(SUFFIXES) or "/" in path) and os.path.isfile(folder / os.path.expanduser(path))


def choose_tasks(
    task: str | Sequence[str] | Mapping[str, float] | None,
    input_column: str | None = None,
    output_column: str | None = None,
    input_notation: str | None = None,
    output_notation: str | None = None,
) -> tuple[list[Task], list[float] | None]:
    """Return the tasks that the flags mean, and their weights if any was given.

    Two columns and no task make a task on the spot; columns beside one task take the place of its own.

    Raises:
        ValueError: If columns are given for several tasks at once.
    """
    if task is None and input_column and output_column:
        return [task_from_columns(input_column, output_column, input_notation, output_notation)], None
    weights = parse_weights(DEFAULT_TASK if task is None else task)
    tasks = [load_task(name) for name in weights]
    if len({item.name for item in tasks}) < len(tasks):
        raise ValueError(
            f"Expected tasks with different names, but got {', '.join(item.name for item in tasks)}."
        )
    changes = {
        "input": {"column": input_column, "notation": input_notation},
        "output": {"column": output_column, "notation": output_notation},
    }
    if any(value for side in changes.values() for value in side.values()):
        if len(tasks) > 1:
            raise ValueError(
                f"Columns and notations can be changed for one task, but {len(tasks)} are given: {', '.join(weights)}."
            )
        tasks = [_change_columns(tasks[0], changes)]
    if all(weight is None for weight in weights.values()):
        return tasks, None
    return tasks, [1.0 if weight is None else weight for weight in weights.values()]


def name_only_column(tasks: Sequence[Task], columns: Sequence[str]) -> list[str]:
    """Return the columns of a file to predict; that of a list without a header gets the name that the only task asks for.

    >>> name_only_column([load_task("smiles_to_iupac")], ["column_1"])
    ['smiles']
    """
    return [tasks[0].input.column] if len(tasks) == 1 and list(columns) == ["column_1"] else list(columns)


def task_for_columns(tasks: Sequence[Task], columns: Sequence[str]) -> Task:
    """Return the only task, or of several the one whose input column a table has.

    Raises:
        ValueError: If several tasks, or none of several, could be asked of the table.

    Examples:
        >>> both = [load_task("smiles_to_iupac"), load_task("iupac_to_smiles")]
        >>> task_for_columns(both, ["id", "SMILES"]).name
        'smiles_to_iupac'
    """
    fitting = [task for task in tasks if find_name(task.input.column, columns)]
    if len(tasks) == 1 or len(fitting) == 1:
        return (fitting or tasks)[0]
    of = ", ".join(f"{task.name} (column {task.input.column!r})" for task in fitting or tasks)
    found = "the input columns of several" if fitting else f"the columns {', '.join(map(repr, columns))}"
    rename = (
        ""
        if fitting
        else f", and name the column: --data.input_column {columns[0] if columns else 'NAME'} "
        "(or --data.header false if that is a row)"
    )
    raise ValueError(
        f"`predict` answers one task, but the file has {found}; choose with --data.task: {of}{rename}."
    )


def _change_columns(task: Task, changes: Mapping[str, Mapping[str, str | None]]) -> Task:
    """Return the task with other columns; what belonged to its own table (identity, alternatives) goes."""
    for side, change in changes.items():
        given = {key: value for key, value in change.items() if value}
        if "notation" in given:
            load_notation(given["notation"])
        if "column" in given:
            task = replace(
                task,
                identity=None,
                **{side: replace(getattr(task, side), alternatives=None, convert_from=None)},
            )
        task = replace(task, **{side: replace(getattr(task, side), **given)})
    return task
