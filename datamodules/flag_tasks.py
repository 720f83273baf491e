"""The tasks that the command line means: named ones with weights, or made of a table's columns.

Flags: `--data.task`, the columns and notations of both sides, `--data.choices` and `--data.digits`.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from configs.lookup import find_name
from datamodules.choices import build_choices
from datamodules.infilling import check_kind
from datamodules.notations.lookup import load_notation, name_notation
from datamodules.task_weights import parse_weights
from datamodules.tasks import Side, Task, keep_asked, load_task, several_columns

DEFAULT_TASK = "name_small_molecules"


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
    for names, notation in (([output_column], output_notation), (name_columns(input_column), input_notation)):
        notation = notation or (name_notation(names[0]) if len(names) == 1 else "text")
        load_notation(notation)
        sides.append(Side(**several_columns(names), notation=notation, label=" and ".join(names)))
    output, given = sides
    return Task(
        name=f"{'_'.join(given.columns)}_to_{output_column}",
        input=given,
        output=output,
        instructions=(f"Give the {output.label} for this {given.label}.",),
    )


def find_open_sides(
    task: Any,
    input_column: str | None,
    output_column: str | None,
    input_notation: str | None,
    output_notation: str | None,
    choices: Any = None,
    digits: Any = None,
) -> tuple[str, ...]:
    """Return what the cells of two columns have to tell, since neither a flag nor a task file does; arguments as `choose_tasks`.

    Returns:
        Some of `input` and `output`, their notations, and `kind`: whether the answers are text, choices or numbers.

    Examples:
        >>> find_open_sides(None, "smiles", "name", "smiles", None), find_open_sides("smiles_to_iupac", "a", "b", None, None)
        (('output', 'kind'), ())
    """
    if task is not None or not input_column or not output_column:
        return ()
    has_digits = digits is not None and digits != {}
    output = output_notation or (has_digits and not isinstance(digits, Mapping) and not choices)
    given = {"input": input_notation, "output": output, "kind": output_notation or choices or has_digits}
    return tuple(side for side, value in given.items() if not value)


def of_column(value: Any, column: str) -> Any:
    """Return a flag's value for one column: a mapping's entry for it, or the value itself.

    Examples:
        >>> of_column({"a": 2}, "a"), of_column({"a": 2}, "b"), of_column("text", "b")
        (2, None, 'text')
    """
    return value.get(column) if isinstance(value, Mapping) else value


def _set_kind(task: Task, choices: Any, digits: Any) -> Task:
    """Return the task with the flags' choices and digits, as far as they are given for its output column."""
    allowed, rounded = of_column(choices, task.output.column), of_column(digits, task.output.column)
    if allowed is not None:
        try:
            task = replace(task, choices=build_choices(allowed))
        except ValueError as error:
            raise ValueError(f"--data.choices: {error}") from error
        if task.input.mask and task.choices is not None:
            raise ValueError(
                f"--data.choices: the task {task.name!r} has `mask`, so its answers are texts. Leave the flag out."
            )
    if rounded is None:
        return task
    if rounded < 0:
        raise ValueError(f"Expected --data.digits to be 0 or more, but got {rounded}.")
    return replace(task, output=replace(task.output, digits=rounded))


def name_columns(columns: str) -> list[str]:
    """Return the columns that a flag names, `a,b`; one with a comma in its name stands in double quotes, as in a table.

    Examples:
        >>> name_columns("toxic, mutagenic"), name_columns('"a, b",c'), name_columns("[x]")
        (['toxic', 'mutagenic'], ['a, b', 'c'], ['[x]'])
    """
    [names] = list(csv.reader([columns], skipinitialspace=True)) or [[]]
    return [name.strip() for name in names if name.strip()]


def join_columns(names: Iterable[str]) -> str:
    """Return what `name_columns` reads as these columns.

    Examples:
        >>> join_columns(["a, b", "c"])
        '"a, b",c'
    """
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow(list(names))
    return text.getvalue()


def _notation_of(notations: str | None, column: str) -> str | None:
    """Return the notation of an output column: `text`, or of several columns `a:text,b:number`.

    Examples:
        >>> _notation_of("number", "a"), _notation_of("a:text,b:number", "b"), _notation_of("a:text", "b")
        ('number', 'number', None)
    """
    if not notations or ":" not in notations:
        return notations
    pairs = (part.rpartition(":") for part in name_columns(notations))
    return {name.strip(): notation.strip() for name, _, notation in pairs}.get(column)


def _notation_of_digits(choices: Any, digits: Any, column: str) -> str | None:
    """Return `number` for a column of which a flag says the digits and none the notation or the choices."""
    is_number = of_column(digits, column) is not None and of_column(choices, column) is None
    return "number" if is_number else None


def _check_columns(inputs: Sequence[str], outputs: Sequence[str]) -> None:
    """Raise ValueError if a column is named twice, or an answer stands among several columns of the question."""
    for flag, names in (("--data.input_column", inputs), ("--data.output_column", outputs)):
        if len(set(names)) < len(names):
            raise ValueError(f"Expected {flag} to name each column once, but got {', '.join(names)}.")
    if len(inputs) > 1 and (both := [name for name in outputs if name in inputs]):
        raise ValueError(
            f"Expected --data.output_column to name other columns than --data.input_column, but got {both[0]!r} in both: the "
            "answer would stand in the question."
        )


def choose_tasks(
    task: str | Sequence[str] | Mapping[str, float] | None,
    input_column: str | None = None,
    output_column: str | None = None,
    input_notation: str | None = None,
    output_notation: str | None = None,
    choices: str | Sequence[str] | Mapping[str, Sequence[str]] | None = None,
    digits: int | Mapping[str, int] | None = None,
) -> tuple[list[Task], list[float] | None]:
    """Return the tasks that the flags mean, and their weights if any was given.

    Two columns and no task make a task on the spot, and several output columns a task each; columns beside one task take the
    place of its own.

    Raises:
        ValueError: If columns are given for several tasks at once.
    """
    if task is None and input_column and output_column:
        _check_columns(name_columns(input_column), name_columns(output_column))
        made = [
            task_from_columns(
                input_column,
                column,
                input_notation,
                _notation_of(output_notation, column) or _notation_of_digits(choices, digits, column),
            )
            for column in name_columns(output_column)
        ]
        return [_set_kind(one, choices, digits) for one in made], None
    weights = parse_weights(DEFAULT_TASK if task is None else task)
    tasks = [load_task(name) for name in weights]
    if len({item.name for item in tasks}) < len(tasks):
        raise ValueError(
            f"Expected tasks with different names, but got {', '.join(item.name for item in tasks)}."
        )
    tasks = [_set_kind(item, choices, digits) for item in tasks]
    changes: dict[str, Mapping[str, Any]] = {
        "input": {**several_columns(name_columns(input_column or "")), "notation": input_notation}
        if input_column
        else {"notation": input_notation},
        "output": {
            "column": output_column,
            "notation": _notation_of(output_notation, tasks[0].output.column),
        },
    }
    if any(value for side in changes.values() for value in side.values()):
        if len(tasks) > 1:
            raise ValueError(
                f"Columns and notations can be changed for one task, but {len(tasks)} are given: {', '.join(weights)}."
            )
        if tasks[0].input.mask:
            changes = _mask_changes(tasks[0].input.mask, changes)
        tasks = [_change_columns(tasks[0], changes)]
    if all(weight is None for weight in weights.values()):
        return tasks, None
    return tasks, [1.0 if weight is None else weight for weight in weights.values()]


def name_only_column(tasks: Sequence[Task], columns: Sequence[str]) -> list[str]:
    """Return the columns of a file to predict; that of a list without a header gets the name that the only task asks for.

    >>> name_only_column([load_task("smiles_to_iupac")], ["column_1"])
    ['smiles']
    """
    tasks = keep_asked(tasks)
    only = len(tasks) == 1 and len(tasks[0].input.columns) == 1 and list(columns) == ["column_1"]
    return [tasks[0].input.column] if only else list(columns)


def task_for_columns(tasks: Sequence[Task], columns: Sequence[str]) -> Task:
    """Return the only task, or of several the one whose input column a table has.

    Raises:
        ValueError: If several tasks, or none of several, could be asked of the table.

    Examples:
        >>> both = [load_task("smiles_to_iupac"), load_task("iupac_to_smiles")]
        >>> task_for_columns(both, ["id", "SMILES"]).name
        'smiles_to_iupac'
    """
    tasks = keep_asked(tasks)
    fitting = [task for task in tasks if all(find_name(name, columns) for name in task.input.columns)]
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
        f"`predict` answers one task, but the file has {found}; choose with --data.task, or of several output columns with "
        f"--data.output_column: {of}{rename}."
    )


def _mask_changes(mask: str, changes: Mapping[str, Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """Return the changes of a task with `mask`, whose output is always its input's column.

    Raises:
        ValueError: If the flags give its output another column or notation, its input several, or a notation without pieces.
    """
    given = {key: value for key, value in changes["input"].items() if value}
    for key, value in changes["output"].items():
        if value and value != given.get(key):
            raise ValueError(
                f"A task with `mask` answers with parts of its input: leave out --data.output_{key} {value}, and give "
                f"--data.input_{key}."
            )
    if "template" in given:
        raise ValueError(
            f"A task with `mask` has one input column, but got --data.input_column {given['column']}."
        )
    if "notation" in given:
        check_kind(mask, given["notation"])
    return {"input": given, "output": given}


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
                **{side: replace(getattr(task, side), alternatives=None, convert_from=None, template="")},
            )
        task = replace(task, **{side: replace(getattr(task, side), **given)})
    return task
