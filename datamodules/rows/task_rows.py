"""A task's rows: the table's columns that it names, in their notations, with what cannot be used set aside."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from configs.lookup import find_name
from datamodules.notations.lookup import load_notation
from datamodules.rows.columns.answers import check_choices, read_choices, round_numbers, split_answers
from datamodules.rows.columns.cells import NOTHING, Numbers, Rewritten, describe_rewritten
from datamodules.rows.columns.checked import check_cells, guarded_map
from datamodules.rows.columns.conditions import read_conditions
from datamodules.rows.columns.masked_rows import as_asked, find_without_gap, mask_column
from datamodules.rows.columns.tables import first_of, first_texts, locate_columns, read_column, read_side
from datamodules.rows.columns.vocabulary import find_other_words, read_words
from datamodules.sources.rows import TEXT_LIMIT, Rows, SetAside
from datamodules.storage.spill import take_rows
from datamodules.storage.text_columns import TextColumn, TextLists, as_strings
from datamodules.tasks import Task
from datamodules.tokens.control_tokens import ControlTokens
from datamodules.workers.worker_pool import WorkerPool

NO_TOKENS = ControlTokens()
COLUMNS = (
    "inputs", "outputs", "alternatives", "identities", "originals", "lines", "table_rows", "choices", "others", "conditions",
    "groups", "spans",
)  # fmt: skip
"""The fields of `TaskRows` with an entry a row; the last five may be None."""


@dataclass(frozen=True)
class TaskRows:
    """N usable rows of one task, and those that were set aside; together all rows of the source."""

    task: Task
    inputs: TextColumn
    outputs: TextColumn
    """Empty strings where only inputs are known (`predict`); whole texts where inputs are masked."""
    alternatives: TextLists
    """Other right inputs of each row; empty lists mostly."""
    identities: TextColumn
    originals: TextColumn
    """The inputs as they stand in the file; of a task with `mask`, as they are asked."""
    lines: NDArray[np.int64]
    """(N,) line of each row in its file."""
    table_rows: NDArray[np.int64]
    """(N,) place of each row in the source's table."""
    file: str
    set_aside: list[SetAside]
    notes: tuple[str, ...] = ()
    """What was decided about the rows, for people."""
    choices: TextLists | None = None
    """Each row's own choices, if the task's rows have their own."""
    others: TextLists | None = None
    """Each row's further right outputs, if any row has some."""
    conditions: TextColumn | None = None
    """Each row's condition, if the task has one."""
    groups: TextColumn | None = None
    """The cells of the column that the task's `shots_from` names; None without it."""
    spans: NDArray[np.int64] | None = None
    """(N, C, 2) where each column's text begins and ends in an input that a template made of C columns; None without one."""

    def options(self, place: int) -> tuple[str, ...]:
        """Return the choices of the row at a place; none if any text can be its answer."""
        if self.choices is not None:
            return tuple(self.choices[place])
        return self.task.choices.options if self.task.choices else ()

    def __len__(self) -> int:
        return len(self.inputs)

    def skip(self, place: int, reason: str, text: str, task: str = "") -> SetAside:
        """Return the row at a place as one that is skipped."""
        return SetAside(self.file, int(self.lines[place]), reason, text, task)

    def take(self, places: NDArray[np.int64]) -> TaskRows:
        """Return the rows at some places, in that order; one may stand there several times. What was set aside stays."""
        return replace(self, **{name: take_rows(getattr(self, name), places) for name in COLUMNS})

    def without(self, reasons: Mapping[int, str]) -> TaskRows:
        """Return the rows with some set aside: the reasons by their places."""
        if not reasons:
            return self
        more = _list_aside(self.task, self.file, self.lines, self.originals, reasons)
        kept = self.take(np.setdiff1d(np.arange(len(self)), list(reasons)))
        return replace(kept, set_aside=[*self.set_aside, *more])


def _list_aside(
    task: Task, file: str, lines: NDArray[np.int64], inputs: TextColumn, reasons: Mapping[int, str]
) -> list[SetAside]:
    """Return the rows that have a reason, by their places, with their lines and inputs."""
    return [
        SetAside(file, int(lines[place]), reason, inputs[place][:TEXT_LIMIT], task.name)
        for place, reason in sorted(reasons.items())
    ]


class Facts(NamedTuple):
    """What a column of the whole table tells about each part of it."""

    inputs: Numbers | None = None
    outputs: Numbers | None = None


NO_FACTS = Facts()


def read_task(
    task: Task,
    rows: Rows,
    *,
    with_output: bool = True,
    forbidden: ControlTokens = NO_TOKENS,
    pool: WorkerPool | None = None,
) -> TaskRows:
    """Take a task's columns out of a source.

    Rows of an unverified source are normalised (a molecule becomes its canonical SMILES) in worker processes that
    can be killed; what is empty, not valid, or holds a special token's text is set aside with the reason.

    Args:
        task: Names the columns.
        rows: The source's rows.
        with_output: False for prediction, where no output is known.
        forbidden: Texts of control tokens, which would end a prompt or a completion in its middle.
        pool: Worker processes that are running already; by default some are started and ended.

    Raises:
        ValueError: If a column does not exist; the message lists those that do.
    """
    if pool is None:
        with WorkerPool() as pool:
            return read_task(task, rows, with_output=with_output, forbidden=forbidden, pool=pool)
    read, changed = read_cells(task, rows, with_output=with_output, forbidden=forbidden, pool=pool)
    return replace(read, notes=describe_changes(task, changed))


Changes = tuple[Rewritten, Rewritten]
"""What was changed in the inputs and in the outputs."""


def describe_changes(task: Task, changes: Changes) -> tuple[str, ...]:
    """Return what was changed in a task's rows, for people."""
    inputs, outputs = changes
    return (
        *describe_rewritten("input", task.input, inputs),
        *describe_rewritten("output", task.output, outputs),
    )


def read_cells(
    task: Task,
    rows: Rows,
    *,
    with_output: bool,
    forbidden: ControlTokens,
    pool: WorkerPool,
    facts: Facts = NO_FACTS,
) -> tuple[TaskRows, Changes]:
    """Return a table's or a part's rows as `read_task` does, without notes, and what was changed in them.

    Args:
        task: Names the columns.
        rows: The rows.
        with_output: As for `read_task`.
        forbidden: As for `read_task`.
        pool: Worker processes.
        facts: Of a part of a table, what the whole tells.
    """
    lists = read_side(rows, task.input, "input")
    asked = task.input if with_output else as_asked(task.input)
    inputs = check_cells("input", asked, first_of(lists), rows.verified, forbidden, pool, facts.inputs)
    choices, values, others = read_choices(rows, task.choices), None, None
    aside, changed = dict(inputs.reasons), (inputs.rewritten, NOTHING)
    if with_output:
        answers = split_answers(task.output, read_side(rows, task.output, "output"))
        others = answers.rest() if isinstance(answers, TextLists) else None
        outputs = check_cells(
            "output", task.output, first_of(answers), rows.verified, forbidden, pool, facts.outputs
        )
        changed = inputs.rewritten, outputs.rewritten
        aside = {**outputs.reasons, **aside}  # the input's reason, where both have one
        values = round_numbers(task.output, outputs.values)
    conditions = _read_conditions(task, rows, evaluated=with_output and not task.only_trains)
    aside = {**_find_forbidden(task, conditions, forbidden), **aside}
    unknown = check_choices(task.choices, choices, task.output.column, values, rows.table.num_rows)
    aside = {**unknown, **aside}
    usable = np.ones(rows.table.num_rows, dtype=bool)
    usable[list(aside)] = False
    kept = np.flatnonzero(usable)
    texts = inputs.values.take(kept)
    targets = TextColumn.of([""] * len(kept)) if values is None else values.take(kept)
    result = TaskRows(
        task=task,
        inputs=texts,
        outputs=targets,
        alternatives=_alternatives(task, rows, lists, forbidden, pool).take(kept),
        # Composed and decomposed, a text is one: two systems write it in two ways.
        identities=_identities(task, rows, kept, texts, targets, pool).composed(),
        originals=inputs.raw.take(kept),
        lines=rows.lines[kept],
        table_rows=kept,
        file=rows.file,
        set_aside=[*rows.set_aside, *_list_aside(task, rows.file, rows.lines, inputs.raw, aside)],
        choices=None if choices is None else choices.take(kept),
        others=None if others is None or not len(others.values) else others.take(kept),
        conditions=None if conditions is None else conditions.take(kept),
        groups=None
        if task.shots_from is None
        else first_texts(rows, task.shots_from, "shots_from").take(kept),
        spans=None if not task.input.template else locate_columns(rows, task.input)[kept],
    )
    if task.words is not None and with_output:
        result = result.without(
            find_other_words([result.inputs, result.outputs], read_words(task.words), task.words)
        )
    if task.input.mask and with_output:
        result = _mask(result)
    elif task.input.mask:
        result = result.without(find_without_gap(task.input, result.inputs))
    assert len(result) + len(result.set_aside) == rows.total, "every row is kept or set aside"
    return result, changed


def _mask(rows: TaskRows) -> TaskRows:
    """Return rows of whole texts with their inputs masked, as each evaluation asks them."""
    inputs, reasons = mask_column(rows.task.input, rows.outputs)
    kept = replace(rows, inputs=inputs).without(reasons)
    return replace(kept, originals=kept.inputs)


def _read_conditions(task: Task, rows: Rows, *, evaluated: bool) -> TextColumn | None:
    """Return each row's condition, or None if the task has none."""
    column = None
    if task.condition is not None and find_name(task.condition.column, rows.table.column_names):
        column = read_column(rows, task.condition.column, "condition")
    return read_conditions(task, rows, column, evaluated=evaluated)


def _find_forbidden(task: Task, conditions: TextColumn | None, forbidden: ControlTokens) -> dict[int, str]:
    """Return a reason for each row whose condition holds a control token's text."""
    held = {} if conditions is None else forbidden.find(conditions.values)
    if not held or conditions is None or task.condition is None:
        return {}
    rows = np.flatnonzero(np.isin(conditions.codes, list(held)))
    return {
        row: f"{task.condition.column}: condition holds the special token {held[code]!r}"
        for row, code in zip(rows.tolist(), conditions.codes[rows].tolist(), strict=True)
    }


def _alternatives(
    task: Task, rows: Rows, lists: TextColumn | TextLists, forbidden: ControlTokens, pool: WorkerPool
) -> TextLists:
    """Return each table row's other right inputs in its notation, without those that could not be an input themselves."""
    others = lists.rest() if isinstance(lists, TextLists) else TextLists.empty(rows.table.num_rows)
    if task.input.alternatives is not None and find_name(task.input.alternatives, rows.table.column_names):
        column = read_column(rows, task.input.alternatives, "input")
        if isinstance(column, TextColumn):  # a plain cell is a list of one, or of none when empty
            more = TextLists(np.arange(len(column) + 1), column.values.take(pa.array(column.codes)))
            column = more.filter(pc.not_equal(more.values, "").to_numpy(zero_copy_only=False))
        others = others.extend(column)
    cells = check_cells("input", task.input, TextColumn.of(others.values), rows.verified, forbidden, pool)
    keep = np.ones(len(others.values), dtype=bool)
    keep[list(cells.reasons)] = False
    return TextLists(others.offsets, as_strings(cells.values)).filter(keep)


def _identities(
    task: Task,
    rows: Rows,
    kept: NDArray[np.int64],
    inputs: TextColumn,
    outputs: TextColumn,
    pool: WorkerPool,
) -> TextColumn:
    """Return each row's identity: the task's column where the table has it, else the molecule's, else the input's text."""
    if task.identity is not None and find_name(task.identity.column, rows.table.column_names):
        texts = first_texts(rows, task.identity.column, "identity").take(kept)
        mark = task.identity.before
        if mark:
            texts = texts.map(lambda values: [text.split(mark)[0] for text in values.to_pylist()])
        empty = np.flatnonzero(pc.equal(texts.values, "").to_numpy(zero_copy_only=False)[texts.codes])
        if not len(empty):
            return texts
        # All rows without one would be one group, on one side of the split.
        own = _own_identities(task, inputs.take(empty), outputs.take(empty), pool)
        codes = texts.codes.astype(np.int64)
        codes[empty] = own.codes + len(texts.values)
        return TextColumn(pa.concat_arrays([texts.values, own.values]), codes)
    return _own_identities(task, inputs, outputs, pool)


def _own_identities(task: Task, inputs: TextColumn, outputs: TextColumn, pool: WorkerPool) -> TextColumn:
    """Return each row's identity from its texts: the molecule's, or the input itself."""
    for side, column in ((task.input, inputs), (task.output, outputs)):
        has_text = pc.any(pc.not_equal(column.values, "")).as_py()
        if has_text and hasattr(load_notation(side.notation), "identity"):
            return guarded_map(side.notation, "identity", column, pool)
    return inputs
