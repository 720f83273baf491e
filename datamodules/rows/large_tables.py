"""Read a task's rows out of a large table part by part: the columns of the parts are joined in memory-mapped files.

What a part cannot know by itself is found in the whole table first (`Facts`), so that the rows, their numbers and what is set
aside are those that `read_task` gives at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from configs.lookup import find_name
from datamodules.rows.columns.answers import split_answers
from datamodules.rows.columns.cells import NOTHING, Numbers
from datamodules.rows.columns.tables import first_of, read_side
from datamodules.rows.task_rows import (
    COLUMNS,
    NO_FACTS,
    Changes,
    Facts,
    TaskRows,
    describe_changes,
    read_cells,
    read_task,
)
from datamodules.sources.rows import Rows, SetAside
from datamodules.storage import spill
from datamodules.storage.spill import ColumnSpill, spill_like
from datamodules.storage.text_columns import TextColumn, TextLists
from datamodules.tasks import Side, Task
from datamodules.tokens.control_tokens import ControlTokens
from datamodules.workers.identity_memory import IdentityMemory
from datamodules.workers.ray_parts import Engine, map_on_ray
from datamodules.workers.worker_pool import WorkerPool


def read_large_task(
    task: Task, rows: Rows, forbidden: ControlTokens, pool: WorkerPool, engine: Engine = "local"
) -> TaskRows:
    """Take a task's columns out of a source, part by part if it is large; see `read_task`.

    With the engine `ray`, parts are checked on a Ray cluster, and joined here.
    """
    if rows.table.num_rows <= spill.PART or not _can_be_cut(task, rows):
        return read_task(task, rows, forbidden=forbidden, pool=pool)
    facts = NO_FACTS
    if not rows.verified:
        facts = Facts(_find_numbers(task.input, "input", rows), _find_numbers(task.output, "output", rows))
    joined = _Joined(rows.set_aside)
    with IdentityMemory(pool) as memory:
        checked = (
            map_on_ray(partial(_check_sent, task, forbidden, facts), map(_send, _cut(rows)))
            if engine == "ray"
            else (_check(task, forbidden, facts, memory, part) for part in _cut(rows))
        )
        for read, changes in checked:
            joined.add(read, changes)
            del read
            pa.default_memory_pool().release_unused()
    return joined.finish()


def _check(
    task: Task, forbidden: ControlTokens, facts: Facts, pool: WorkerPool, part: tuple[int, Rows]
) -> tuple[TaskRows, Changes]:
    """Return the rows of a part, and what was changed in them."""
    start, rows = part
    read, changes = read_cells(task, rows, with_output=True, forbidden=forbidden, pool=pool, facts=facts)
    return replace(read, table_rows=read.table_rows + start), changes


class _Sent(NamedTuple):
    """A part as it is sent to another machine: a slice of a table would be sent with all of the table."""

    start: int
    table: bytes
    lines: NDArray[np.int64]
    file: str
    verified: bool


def _send(part: tuple[int, Rows]) -> _Sent:
    start, rows = part
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, rows.table.schema) as stream:
        stream.write_table(rows.table)
    return _Sent(start, sink.getvalue().to_pybytes(), rows.lines, rows.file, rows.verified)


def _check_sent(task: Task, forbidden: ControlTokens, facts: Facts, sent: _Sent) -> tuple[TaskRows, Changes]:
    """Check a part that was sent, with one process of its own for chemistry."""
    table = pa.ipc.open_stream(sent.table).read_all()
    rows = Rows(table, sent.lines, sent.file, [], sent.verified, table.num_rows)
    with WorkerPool(1) as pool:
        return _check(task, forbidden, facts, pool, (sent.start, rows))


def _can_be_cut(task: Task, rows: Rows) -> bool:
    """Say whether each part of a table is read as it is in the whole.

    A masked task and one with a list of words set rows aside in several passes, conditions are checked against all cells, and
    further right inputs are a column of their own.
    """
    found = [find_name(name, rows.table.column_names) for name in (*task.input.columns, *task.output.columns)]
    kinds = [rows.table.schema.field(name).type for name in found if name is not None]
    special = task.input.mask or task.words or task.condition or task.input.alternatives
    return not special and not any(map(pa.types.is_nested, kinds))


def _cut(rows: Rows) -> Iterator[tuple[int, Rows]]:
    """Yield the parts of a table, each with the place of its first row; what the source set aside is in none."""
    for start in range(0, rows.table.num_rows, spill.PART):
        table = rows.table.slice(start, spill.PART)
        lines = rows.lines[start : start + spill.PART]
        yield start, replace(rows, table=table, lines=lines, set_aside=[], total=table.num_rows)


def _find_numbers(side: Side, name: str, rows: Rows) -> Numbers:
    """Return whether a side's cells are numbers; one other cell is enough to know that they are not."""
    numbers = Numbers()
    for _, part in _cut(rows):
        cells = first_of(split_answers(side, read_side(part, side, name)))
        numbers = numbers.join(pc.utf8_trim_whitespace(cells.values))
        if not numbers.only:
            break
    return numbers


class _Joined:
    """The parts of a table that were read so far.

    Args:
        aside: What the source set aside.
    """

    def __init__(self, aside: Sequence[SetAside]) -> None:
        self.files: dict[str, Any] = {}
        self.alike = {"originals", "identities"}
        """Columns that have been the inputs so far, and have no file of their own: those of plain text are."""
        self.count = 0
        self.first: TaskRows | None = None
        self.aside = list(aside)
        self.changes: Changes = (NOTHING, NOTHING)

    def add(self, part: TaskRows, changes: Changes) -> None:
        """Append a part's rows."""
        self.first = part if self.first is None else self.first
        for name in tuple(self.alike):
            if not _are_equal(getattr(part, name), part.inputs):
                self.alike.remove(name)
                self.files[name] = ColumnSpill()
                if self.count:
                    self.files[name].add(self.files["inputs"].read())
        for name in COLUMNS:
            if name not in self.alike:
                self._add_column(name, getattr(part, name), len(part))
        self.count += len(part)
        self.aside += part.set_aside
        inputs, outputs = (old.join(new) for old, new in zip(self.changes, changes, strict=True))
        self.changes = inputs, outputs

    def _add_column(self, name: str, column: Any, count: int) -> None:
        """Append a part's entries of a column; only `others` may be missing in one part and not in another."""
        if column is None and name not in self.files:
            return
        if name not in self.files:
            self.files[name] = spill_like(column)
            if self.count:
                self.files[name].add(TextLists.empty(self.count))
        self.files[name].add(TextLists.empty(count) if column is None else column)

    def finish(self) -> TaskRows:
        """Return the rows of all parts."""
        assert self.first is not None, "a large table has a part"
        columns = {name: file.finish() for name, file in self.files.items()}
        columns |= dict.fromkeys(self.alike, columns["inputs"])
        notes = describe_changes(self.first.task, self.changes)
        return replace(self.first, **columns, set_aside=self.aside, notes=notes)


def _are_equal(column: TextColumn, other: TextColumn) -> bool:
    return bool(column.values.equals(other.values)) and np.array_equal(column.codes, other.codes)
