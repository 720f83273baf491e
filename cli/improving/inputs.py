"""Texts to ask: of a table, or of the model's own training rows, without molecules that validation and test hold out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from configs.lookup import find_name
from datamodules.rows.known_rows import KnownRows, find_repeated, tells_identity
from datamodules.rows.prepare import Prepared
from datamodules.rows.read_and_split import name_list
from datamodules.rows.task_rows import TaskRows, read_task
from datamodules.sources.rows import Rows
from datamodules.splits import TRAIN, nested_order
from datamodules.storage.text_columns import TextColumn
from datamodules.tasks import Task
from datamodules.tokens.control_tokens import ControlTokens
from datamodules.workers.worker_pool import WorkerPool


class Questions(NamedTuple):
    """N different inputs to ask."""

    inputs: TextColumn
    """In the task's notation."""
    references: TextColumn
    """Right answers; empty where none is known."""
    identities: TextColumn
    """Empty where only the answer tells it."""

    def take(self, places: NDArray[np.int64]) -> Questions:
        """Return the questions at some places."""
        return Questions(*(column.take(places) for column in self))


def check_columns(task: Task, columns: list[str], source: str) -> bool:
    """Return whether a table has the answers of a task beside its inputs.

    Raises:
        ValueError: If it does not even have the inputs.
    """
    columns = name_list_columns(task, columns)
    missing = [name for name in task.input.columns if find_name(name, columns) is None]
    if missing:
        raise ValueError(
            f"Expected --data.source {source} to have the column {missing[0]!r}, which {task.name} asks, but its columns are "
            f"{', '.join(columns)}: rename one."
        )
    return all(find_name(name, columns) is not None for name in task.output.columns)


def name_list_columns(task: Task, columns: list[str]) -> list[str]:
    """Return the names of a table's columns; the only one of a list without a header is the task's input.

    Examples:
        >>> from datamodules.tasks import Side
        >>> name_list_columns(Task("t", Side("smiles"), Side("name")), ["column_1"])
        ['smiles']
    """
    return [task.input.column] if columns == ["column_1"] and len(task.input.columns) == 1 else columns


def ask_training_rows(prepared: Prepared, task: Task) -> Questions:
    """Return the inputs of a task's training rows, with their answers."""
    found = [
        _join(part.take(np.flatnonzero(side == TRAIN)))
        for part, side in zip(prepared.parts, prepared.sides_by_part(), strict=True)
        if part.task.name == task.name
    ]
    joined = Questions(*(TextColumn.join(list(columns)) for columns in zip(*found, strict=True)))
    return joined.take(np.flatnonzero(~find_repeated(list(joined.inputs))))


def _join(rows: TaskRows) -> Questions:
    return Questions(rows.inputs, rows.outputs, rows.identities)


def ask_table(
    task: Task, rows: Rows, known: KnownRows, forbidden: ControlTokens, pool: WorkerPool
) -> tuple[Questions, Mapping[str, int]]:
    """Return the inputs of a table that may be asked, and how many of its rows are left out for which reason.

    Args:
        task: The task.
        rows: The table's rows, with answers or without; some cells of answers may be empty.
        known: The rows of the model's run.
        forbidden: Texts that no cell may hold.
        pool: Worker processes.
    """
    rows = name_list([task], rows)
    has_answers = check_columns(task, rows.table.column_names, rows.file)
    asked = read_task(replace(task, choices=None), rows, with_output=False, forbidden=forbidden, pool=pool)
    references, identities = [""] * len(asked), [""] * len(asked)
    held_out = known.find_held_out_texts(asked)
    if tells_identity(task, has_output=False):
        identities, held_out = list(asked.identities), known.find_held_out(asked, pool)
    if has_answers:
        answered = read_task(replace(task, choices=None), rows, forbidden=forbidden, pool=pool)
        places = np.searchsorted(asked.table_rows, answered.table_rows)
        held_out[places] |= known.find_held_out(answered, pool)
        for place, output, identity in zip(
            places.tolist(), answered.outputs, answered.identities, strict=True
        ):
            references[place], identities[place] = output, identity
    trained = known.find_asked(asked) & ~held_out
    repeated = find_repeated(list(asked.inputs)) & ~held_out & ~trained
    questions = Questions(asked.inputs, TextColumn.of(references), TextColumn.of(identities))
    left_out = {
        "unusable": len(asked.set_aside), "held_out": int(held_out.sum()),
        "asked_in_training": int(trained.sum()), "repeated": int(repeated.sum()),
    }  # fmt: skip
    return questions.take(np.flatnonzero(~held_out & ~trained & ~repeated)), left_out


def choose_questions(questions: Questions, number: int, most: int, seed: int) -> Questions:
    """Return the questions of a round: the next so many of a shuffled list, from whose end it goes on at its beginning.

    Args:
        questions: All questions.
        number: The round, from 1.
        most: Questions a round; all if there are fewer.
        seed: Seed of the order.

    Examples:
        >>> column = TextColumn.of(["a", "b", "c"])
        >>> rounds = [list(choose_questions(Questions(column, column, column), round, 2, 0).inputs) for round in (1, 2)]
        >>> len({*rounds[0], *rounds[1]}), len(rounds[1])
        (3, 2)
    """
    count = len(questions.inputs)
    order = nested_order(list(questions.inputs), seed)
    return questions.take(order[((number - 1) * most + np.arange(min(most, count))) % max(count, 1)])
