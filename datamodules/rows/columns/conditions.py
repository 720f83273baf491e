"""What a row's answer is under, beside its input: a column such as the style of a name, which a format may show.

One input can have answers of several kinds that nothing in the input tells apart. Training shows each row's own condition;
evaluation and prediction ask for one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from configs.lookup import suggest
from datamodules.sources.rows import Rows
from datamodules.storage.text_columns import TextColumn, TextLists
from datamodules.tasks import Task

OWN = "own"
"""The value of `--data.condition` that evaluates all rows, each asked in its own condition."""


def ask_condition(tasks: Sequence[Task], condition: str | None) -> list[Task]:
    """Return the tasks, asked in the condition that `--data.condition` names.

    Raises:
        ValueError: If no task has a condition.
    """
    if condition is None:
        return list(tasks)
    if not any(task.condition for task in tasks):
        raise ValueError(
            f"--data.condition {condition} needs a task with a key `condition`, such as {{column: style, ask: conventional}}, "
            f"but {', '.join(task.name for task in tasks)} has none. Leave the flag out, or add the key."
        )
    change = {"only_asked": False} if condition == OWN else {"ask": condition}
    return [
        task if task.condition is None else replace(task, condition=replace(task.condition, **change))
        for task in tasks
    ]


def read_conditions(
    task: Task, rows: Rows, column: TextColumn | TextLists | None, *, evaluated: bool = True
) -> TextColumn | None:
    """Return each row's condition, (N,), or None if the task has none; a table or a cell without one has the asked one.

    Args:
        task: The task.
        rows: The source's rows.
        column: The condition's column, if the table has it.
        evaluated: Whether rows of the table can be evaluated.

    Raises:
        ValueError: If evaluation asks for a condition that no row of a table with others is in.
    """
    if task.condition is None:
        return None
    asked = task.condition.ask
    if column is None:
        return TextColumn.of(pa.repeat(asked, rows.table.num_rows))
    cells = TextColumn.of(column.first()) if isinstance(column, TextLists) else column
    cells = cells.map(pc.utf8_trim_whitespace)
    if evaluated:
        _check_asked(task, {name: count for name, count in count_conditions(cells).items() if name})
    return cells.map(lambda values: pc.if_else(pc.equal(values, ""), asked, values))


def find_unasked(task: Task, conditions: TextColumn) -> NDArray[np.bool_]:
    """Return which rows, (N,), are in another condition than the one that evaluation asks for."""
    assert task.condition is not None
    if not task.condition.only_asked:
        return np.zeros(len(conditions), dtype=bool)
    other = pc.not_equal(conditions.values, task.condition.ask).to_numpy(zero_copy_only=False)
    found: NDArray[np.bool_] = other[conditions.codes]
    return found


def _check_asked(task: Task, counts: Mapping[str, int]) -> None:
    """Raise an error if there are rows with a condition, and none of them is in the asked one."""
    assert task.condition is not None
    if counts and task.condition.only_asked and task.condition.ask not in counts:
        known = ", ".join(f"{name} ({count:,} rows)" for name, count in counts.items())
        raise ValueError(
            f"Expected --data.condition to be one of the column {task.condition.column!r} of the task {task.name!r}, or {OWN}, "
            f"but got {task.condition.ask!r}; there are {known}.{suggest(task.condition.ask, list(counts))}"
        )


def count_conditions(conditions: TextColumn) -> dict[str, int]:
    """Return the number of rows in each condition, the most frequent first.

    Examples:
        >>> count_conditions(TextColumn.of(["openeye", "conventional", "conventional"]))
        {'conventional': 2, 'openeye': 1}
    """
    numbers = np.bincount(conditions.codes, minlength=len(conditions.values))
    counts: dict[str, int] = {}
    for value, number in zip(conditions.values.to_pylist(), numbers.tolist(), strict=True):
        counts[value] = counts.get(value, 0) + number
    return dict(
        sorted(((value, number) for value, number in counts.items() if number), key=lambda one: -one[1])
    )
