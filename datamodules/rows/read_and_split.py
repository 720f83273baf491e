"""Read all rows of all tasks from their sources and assign them to the sides of the split."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from configs.lookup import find_name
from datamodules import splits
from datamodules.flag_tasks import name_only_column, task_for_columns
from datamodules.limits import check_fractions, refuse_below, refuse_no_questions
from datamodules.notations.lookup import load_notation
from datamodules.rows.columns.checked import guarded_map
from datamodules.rows.columns.conditions import find_unasked
from datamodules.rows.columns.tables import first_texts
from datamodules.rows.large_tables import read_large_task
from datamodules.rows.task_rows import TaskRows, read_task
from datamodules.sources.lookup import load_source, refuse_many
from datamodules.sources.rows import Rows
from datamodules.sources.tables.options import TableOptions
from datamodules.storage import spill
from datamodules.storage.text_columns import TextColumn
from datamodules.tasks import Task
from datamodules.tokens.control_tokens import ControlTokens
from datamodules.workers.ray_parts import Engine
from datamodules.workers.worker_pool import WorkerPool

log = logging.getLogger(__name__)

Split = Literal["identity", "scaffold", "parent", "random"]


@dataclass(frozen=True)
class SplitSettings:
    """Settings of the split; the fields are flags of the data."""

    split: Split = "identity"
    """`identity` (by a hash of the molecule's connectivity or the input's text), `scaffold` (Bemis-Murcko), `parent` (most
    salts and ions together with their molecule), or `random` (identities shuffled). None of these splits leaks an
    identity."""
    split_column: str | None = None
    """Column that holds train, val or test, for a table with its own split."""
    val_source: str | None = None
    """File with the validation rows, for data that are already split into files."""
    test_source: str | None = None
    """File with the test rows."""
    val_fraction: float = 0.05
    """Share of identities in validation."""
    test_fraction: float = 0.05
    """Share of identities in test."""
    split_seed: int = 0
    """Seed of the split; separate from `seed`, so that runs with different seeds share one split."""

    def __post_init__(self) -> None:
        """Reject values that cannot work.

        Raises:
            ValueError: If the seed is negative, or fractions that count are not shares that leave rows for training.
        """
        refuse_below(split_seed=self.split_seed)
        if self.split_column is None:
            check_fractions(*self.fractions)

    @property
    def fractions(self) -> tuple[float, float]:
        """The shares of validation and test; 0 where a file of its own has the rows."""
        return (
            0.0 if self.val_source else self.val_fraction,
            0.0 if self.test_source else self.test_fraction,
        )


class Part(NamedTuple):
    """One task's rows from one file."""

    rows: TaskRows
    side: int | None
    """The side of all rows, if the file has one."""
    given: TextColumn | None
    """Each row's cell of the split column, if the table has one."""


def read_parts(
    tasks: Sequence[Task],
    source: str | None,
    settings: SplitSettings,
    forbidden: ControlTokens,
    pool: WorkerPool,
    options: TableOptions | None = None,
    loaded: Mapping[str, Rows] | None = None,
    engine: Engine = "local",
) -> tuple[list[Part], dict[str, Rows]]:
    """Read every task's rows, and return them with the sources by name; each source is read once, or is in `loaded`.

    Raises:
        ValueError: If neither the flags nor a task name a source, or a source cannot be read.
    """
    read = dict(loaded or {})
    parts = []
    for task in tasks:
        for location, side in locations(task, source, settings):
            if location not in read:
                read[location] = load_source(location, options)
            rows = read_large_task(task, read[location], forbidden, pool, engine)
            given = None
            wanted = find_split_column(task, settings, side, read[location].table.column_names)
            if wanted is not None:
                cells = first_texts(read[location], wanted, "split")
                rows = rows.without(
                    splits.unknown_sides(cells.take(rows.table_rows), f"{location}: {wanted}")
                )
                given = cells.take(rows.table_rows)
            parts.append(Part(rows, side, given))
    return parts, read


def find_split_column(
    task: Task, settings: SplitSettings, side: int | None, columns: Sequence[str]
) -> str | None:
    """Return the column that holds the sides of a table's rows, or None if none does.

    The table of a task that only trains may lack it, since its rows have no side of their own.

    Args:
        task: The task.
        settings: The split.
        side: The side of all rows, if the table has one.
        columns: The table's columns.
    """
    name = settings.split_column if side is None else None
    return None if name is None or (task.only_trains and find_name(name, columns) is None) else name


def load_questions(path: str | None, options: TableOptions | None = None) -> Rows:
    """Return the rows of the file to predict.

    Raises:
        ValueError: If no file is given, or it has no rows.
    """
    path = refuse_no_questions(path)
    refuse_many(path)
    rows = load_source(path, options)
    if rows.total == 0:
        raise ValueError(f"{path}: expected at least one row below the header, but got none.")
    return rows


def name_list(tasks: Sequence[Task], rows: Rows) -> Rows:
    """Return the rows of a list without a header with the name of the only task's input column."""
    names = name_only_column(tasks, rows.table.column_names)
    return rows if names == rows.table.column_names else replace(rows, table=rows.table.rename_columns(names))


def read_questions(tasks: Sequence[Task], rows: Rows, forbidden: ControlTokens) -> TaskRows:
    """Return the rows of the file to predict as rows of the task whose input column it has.

    Raises:
        ValueError: If the file has the input columns of several tasks.
    """
    task = task_for_columns(tasks, rows.table.column_names)
    return read_task(task, rows, with_output=False, forbidden=forbidden)


def locations(task: Task, source: str | None, settings: SplitSettings) -> list[tuple[str, int | None]]:
    """Return the sources of a task's rows, each with the side of all its rows if the flags set one.

    Raises:
        ValueError: If neither the flags nor the task name a source.
    """
    name = source or task.source
    if name is None:
        raise ValueError(f"The task {task.name!r} has no source of its own: set --data.source my.csv")
    if task.only_trains:
        return [(name, None)]
    sources = ((name, None), (settings.val_source, splits.VAL), (settings.test_source, splits.TEST))
    return [(location, side) for location, side in sources if location is not None]


def split_parts(
    parts: Sequence[Part], settings: SplitSettings, pool: WorkerPool
) -> tuple[NDArray[np.int8], dict[str, int]]:
    """Return the side of each row, part after part, and the overlap of identities between sides.

    All tasks are split together, so that no molecule is a training row of one task and a test row of another.
    """
    columns = [part.rows.identities for part in parts]
    val, test = settings.fractions
    if settings.split_column is None and settings.split == "identity":
        found = [splits.split_by_hash(column, val, test, settings.split_seed) for column in columns]
        return _set_given(parts, columns, np.concatenate(found), settings)
    identities = TextColumn.join(columns)
    if settings.split_column is not None:
        sides = _split_as_given(parts, identities)
    elif settings.split in ("scaffold", "parent"):
        groups = _groups(parts, settings.split, pool)
        sides = splits.split_by_group(identities, groups, val, test, settings.split_seed)
    else:
        sides = splits.split_at_random(identities, val, test, settings.split_seed)
    return _set_given(parts, columns, sides, settings)


def _set_given(
    parts: Sequence[Part], columns: Sequence[TextColumn], sides: NDArray[np.int8], settings: SplitSettings
) -> tuple[NDArray[np.int8], dict[str, int]]:
    """Return the sides with those of files that are a side of their own, and the overlap of identities."""
    sides, start = sides.copy(), 0
    for part in parts:
        if part.side is not None:
            sides[start : start + len(part.rows)] = part.side
        start += len(part.rows)
    given = settings.split_column or settings.val_source or settings.test_source
    if not given and len(sides) > spill.PART:
        return sides, dict.fromkeys(splits.PAIRS, 0)  # by construction, and counting takes all texts at once
    return sides, splits.count_overlap(TextColumn.join(columns), sides)


def leave_out_untrained(
    parts: Sequence[Part], sides: NDArray[np.int8]
) -> tuple[list[Part], NDArray[np.int8]]:
    """Return the parts and the sides without rows that are not on the training side although their task only trains."""
    kept_parts, kept_sides, start = [], [], 0
    for part in parts:
        of_part = sides[start : start + len(part.rows)]
        start += len(part.rows)
        if part.rows.task.only_trains and (of_part != splits.TRAIN).any():
            reason = "a row of a task that only trains, of an identity that the split holds out"
            part = part._replace(
                rows=part.rows.without(dict.fromkeys(np.flatnonzero(of_part).tolist(), reason))
            )
            of_part = of_part[of_part == splits.TRAIN]
        kept_parts.append(part)
        kept_sides.append(of_part)
    return kept_parts, np.concatenate(kept_sides)


def leave_out_unasked(parts: Sequence[Part], sides: NDArray[np.int8]) -> NDArray[np.int8]:
    """Return the sides with held-out rows in another condition than the asked one on no side; row numbers stay."""
    unasked = []
    for part in parts:
        task, conditions = part.rows.task, part.rows.conditions
        if conditions is None:
            unasked.append(np.zeros(len(part.rows), dtype=bool))
            continue
        unasked.append(find_unasked(task, conditions))
    left_out = np.concatenate(unasked) & (sides != splits.TRAIN)
    return np.where(left_out, np.int8(splits.LEFT_OUT), sides)


def warn_of_overlap(overlap: Mapping[str, int], settings: SplitSettings) -> None:
    """Warn if a split given with the data shares identities between its sides; our own splits never do."""
    if any(overlap.values()):
        assert settings.split_column or settings.val_source or settings.test_source, (
            "our own splits never leak"
        )
        log.warning("The given split shares identities between its sides: %s.", overlap)


def _split_as_given(parts: Sequence[Part], identities: TextColumn) -> NDArray[np.int8]:
    """Return the sides that tables give; a table without them is trained on but for what the others hold out."""
    sides = np.concatenate(
        [
            np.full(len(part.rows), splits.TRAIN if part.side is None else part.side, dtype=np.int8)
            if part.given is None
            else splits.split_as_given(part.given)
            for part in parts
        ]
    )
    free = np.repeat(
        [part.given is None and part.side is None for part in parts], [len(part.rows) for part in parts]
    )
    if not free.any():
        return sides
    texts = np.array(identities.values.to_pylist(), dtype=object)[identities.codes]
    for side in (splits.VAL, splits.TEST):
        held_out = set(texts[sides == side])
        sides[free] = np.where([text in held_out for text in texts[free]], side, sides[free])
    return sides


def _groups(parts: Sequence[Part], kind: str, pool: WorkerPool) -> TextColumn:
    """Return every row's scaffold or parent, from the task's input or output, whichever is a molecule."""
    groups = []
    for part in parts:
        task = part.rows.task
        sides = (task.input.shown_notation, part.rows.inputs), (task.output.notation, part.rows.outputs)
        for notation, texts in sides:
            if hasattr(load_notation(notation), kind):
                groups.append(guarded_map(notation, kind, texts, pool))
                break
        else:
            raise ValueError(
                f"--data.split {kind} needs a task with molecules (smiles or selfies) as input or output, but {task.name!r} has "
                f"{task.input.notation} and {task.output.notation}. Use --data.split identity."
            )
    return TextColumn.join(groups)
