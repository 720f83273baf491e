"""A task's rows: the table's columns that it names, in their notations, with what cannot be used set aside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from configs.lookup import find_name, suggest
from datamodules.notations.lookup import load_notation
from datamodules.rows.columns.answers import (
    check_choices,
    fill_template,
    locate_cells,
    read_choices,
    round_numbers,
    split_answers,
)
from datamodules.rows.columns.cells import (
    NOTHING,
    Numbers,
    Rewritten,
    count_rewritten,
    describe_rewritten,
    find_missing_numbers,
    strip_titles,
)
from datamodules.rows.columns.conditions import read_conditions
from datamodules.rows.columns.masked_rows import as_asked, find_without_gap, mask_column
from datamodules.rows.columns.vocabulary import find_other_words, read_words
from datamodules.sources.rows import TEXT_LIMIT, Rows, SetAside
from datamodules.storage.spill import take_rows
from datamodules.storage.text_columns import TextColumn, TextLists, as_strings
from datamodules.tasks import Side, Task
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


@dataclass(frozen=True)
class _Cells:
    """One side's column, checked string by string."""

    raw: TextColumn
    values: TextColumn
    """In the side's notation; as it came where it is not valid."""
    reasons: dict[int, str]
    """Why a row cannot be used, by its place in the table."""
    rewritten: Rewritten = NOTHING
    """What was changed in them."""


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
    inputs = _check("input", asked, first_of(lists), rows.verified, forbidden, pool, facts.inputs)
    choices, values, others = read_choices(rows, task.choices), None, None
    aside, changed = dict(inputs.reasons), (inputs.rewritten, NOTHING)
    if with_output:
        answers = split_answers(task.output, read_side(rows, task.output, "output"))
        others = answers.rest() if isinstance(answers, TextLists) else None
        outputs = _check(
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
        spans=None if not task.input.template else _locate_cells(rows, task.input)[kept],
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


def read_column(rows: Rows, name: str, side: str) -> TextColumn | TextLists:
    """Return a column of strings, or of lists of strings.

    Upper and lower case are the same where that leaves no choice.

    Raises:
        ValueError: If there is no such column; the message lists those that exist.
    """
    column = rows.table.column(find_column(name, rows.table.column_names, rows.file, side, rows.notes))
    if pa.types.is_list(column.type) or pa.types.is_large_list(column.type):
        return TextLists.of_arrow(column)
    return TextColumn.of(pc.fill_null(column.cast(pa.large_string()), ""))


def read_side(rows: Rows, side: Side, name: str) -> TextColumn | TextLists:
    """Return a side's column, or the texts that its template makes of several.

    A row in which all of them are empty is empty.

    Raises:
        ValueError: If a column does not exist; the message lists those that do.
    """
    if not side.template:
        return read_column(rows, side.column, name)
    return TextColumn.of(fill_template(side.template, _read_columns(rows, side, name)))


def _read_columns(rows: Rows, side: Side, name: str) -> dict[str, pa.LargeStringArray]:
    """Return the columns that a side's template names."""
    return {column: as_strings(first_texts(rows, column, name)) for column in side.columns}


def _locate_cells(rows: Rows, side: Side) -> NDArray[np.int64]:
    """Return where each column's text stands in the inputs that a template makes, (N, C, 2)."""
    columns = _read_columns(rows, side, "input")
    return locate_cells(side.template, columns, fill_template(side.template, columns))


def find_column(name: str, columns: Sequence[str], file: str, side: str, notes: Sequence[str] = ()) -> str:
    """Return the column of a table that a name means.

    Args:
        name: The name; upper and lower case are the same where that leaves no choice.
        columns: The table's columns.
        file: The table.
        side: `input`, `output` or `split`: which flag gave the name; `shots_from`: the task file did.
        notes: What was decided about the table when it was read.

    Raises:
        ValueError: If there is no such column; the message lists those that exist.
    """
    found = find_name(name, columns)
    if found is None:
        who = "The task's shots_from" if side == "shots_from" else f"--data.{side}_column"
        raise ValueError(
            f"{who} {name!r} is not a column of {file} (columns: {', '.join(columns)})."
            f"{suggest(name, list(columns))}{''.join(f' Note: {note}.' for note in notes)}"
        )
    return found


def first_of(column: TextColumn | TextLists) -> TextColumn:
    """Return a string a row: the cell, or the first of a list."""
    return TextColumn.of(column.first()) if isinstance(column, TextLists) else column


def first_texts(rows: Rows, name: str, side: str) -> TextColumn:
    """Return a string a row of a column: the cell, or the first of a list, or an empty string."""
    return first_of(read_column(rows, name, side))


def _check(
    name: str,
    side: Side,
    cells: TextColumn,
    verified: bool,
    forbidden: ControlTokens,
    pool: WorkerPool,
    numbers: Numbers | None = None,
) -> _Cells:
    """Return a side's cells in its notation, and why some cannot be used; each different string is looked at once."""
    raw = cells.map(pc.utf8_trim_whitespace)
    texts, reasons, rewritten = raw.values, dict[int, str](), NOTHING
    if not verified:
        texts, reasons = strip_titles(side, texts, pool)
    values, invalid = _normalize(name, side, texts, verified, pool)
    reasons = {**invalid, **reasons}
    if not verified:
        rewritten = count_rewritten(side, raw, texts, values, reasons)
        reasons = {**reasons, **find_missing_numbers(name, raw.values, numbers)}
    held = forbidden.find(raw.values)
    if values is not raw.values:
        held = {**forbidden.find(values), **held}
    for code, token in held.items():
        reasons.setdefault(code, f"{name} holds the special token {token!r}")
    for number in np.flatnonzero(pc.equal(raw.values, "")):
        reasons[int(number)] = f"empty {name}"
    places: dict[int, str] = {}
    if reasons:
        bad = np.zeros(len(raw.values), dtype=bool)
        bad[list(reasons)] = True
        rows = np.flatnonzero(bad[raw.codes])
        for row, code in zip(rows.tolist(), raw.codes[rows].tolist(), strict=True):
            places[row] = f"{side.column}: {reasons[code]}"
    normalized = TextColumn.of(values)
    return _Cells(raw, TextColumn(normalized.values, normalized.codes[raw.codes]), places, rewritten)


def _normalize(
    name: str, side: Side, texts: pa.LargeStringArray, verified: bool, pool: WorkerPool
) -> tuple[pa.LargeStringArray, dict[int, str]]:
    """Return the texts in the side's notation, and for those that are not valid the reason."""
    if side.convert_from:
        function = f"from_{side.convert_from}"
        if not hasattr(load_notation(side.notation), function):
            raise ValueError(
                f"The notation {side.notation!r} cannot be made from {side.convert_from!r}: it has no {function}()."
            )
    elif verified or side.notation == "text":
        return texts, {}
    else:
        function = "normalize"
        if name == "input" and hasattr(load_notation(side.notation), "normalize_question"):
            function = "normalize_question"
    answers = pool.map(side.notation, function, texts)
    reasons = {number: error.removeprefix("ValueError: ") for number, error in answers.errors.items()}
    return answers.or_else(texts), reasons


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
    cells = _check("input", task.input, TextColumn.of(others.values), rows.verified, forbidden, pool)
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


def guarded_map(notation: str, function: str, column: TextColumn, pool: WorkerPool) -> TextColumn:
    """Return a notation's function of each text; the text itself where it fails or takes too long."""
    return column.map(lambda texts: pool.map(notation, function, texts).or_else(texts))
