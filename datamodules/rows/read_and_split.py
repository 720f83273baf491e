"""All rows of all tasks, from their sources to their sides of the split."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from datamodules import splits
from datamodules.notations.lookup import load_notation
from datamodules.rows.task_rows import TaskRows, first_texts, guarded_map, read_task
from datamodules.sources.lookup import load_source
from datamodules.sources.rows import Rows
from datamodules.storage.text_columns import TextColumn
from datamodules.tasks import Task
from datamodules.workers.worker_pool import WorkerPool

log = logging.getLogger(__name__)

Split = Literal["identity", "scaffold", "parent", "random"]


@dataclass(frozen=True)
class SplitSettings:
    """How rows are divided; the fields are the flags of `SequenceTaskDataModule`."""

    split: Split = "identity"
    split_column: str | None = None
    val_source: str | None = None
    test_source: str | None = None
    val_fraction: float = 0.05
    test_fraction: float = 0.05
    split_seed: int = 0


class Part(NamedTuple):
    """One task's rows of one file, and the side they are all on if the file says so."""

    rows: TaskRows
    side: int | None
    given: TextColumn | None
    """What the split column says of each row, if there is one."""


def read_parts(
    tasks: Sequence[Task],
    source: str | None,
    settings: SplitSettings,
    forbidden: Sequence[str],
    loaded: Mapping[str, Rows],
    pool: WorkerPool,
) -> tuple[list[Part], dict[str, Rows]]:
    """Read every task's rows, and return them with the sources by name; a source is read once, and not if it is `loaded`.

    Raises:
        ValueError: If neither the flags nor a task name a source, or it cannot be read.
    """
    sources: dict[str, Rows] = {}
    parts = []
    for task in tasks:
        for location, side in locations(task, source, settings):
            if location not in sources:
                sources[location] = loaded.get(location) or load_source(location)
            rows = read_task(task, sources[location], forbidden=forbidden, pool=pool)
            given = None
            if settings.split_column is not None and side is None:
                cells = first_texts(sources[location], settings.split_column, "split")
                rows = rows.without(
                    splits.unknown_sides(cells.take(rows.table_rows), f"{location}: {settings.split_column}")
                )
                given = cells.take(rows.table_rows)
            parts.append(Part(rows, side, given))
    return parts, sources


def locations(task: Task, source: str | None, settings: SplitSettings) -> list[tuple[str, int | None]]:
    """Return where a task's rows come from, and the side that they are all on if the flags say so.

    Raises:
        ValueError: If neither the flags nor the task name a source.
    """
    name = source or task.source
    if name is None:
        raise ValueError(f"The task {task.name!r} has no source of its own: say --data.source my.csv")
    sided = ((name, None), (settings.val_source, splits.VAL), (settings.test_source, splits.TEST))
    return [(location, side) for location, side in sided if location is not None]


def split_parts(
    parts: Sequence[Part], settings: SplitSettings, pool: WorkerPool
) -> tuple[NDArray[np.int8], dict[str, int]]:
    """Return each row's side, parts laid end to end, and the overlap of identities between sides.

    The split is made over all tasks at once, so that no molecule is trained on in one task and tested in another.
    """
    identities = TextColumn.join([part.rows.identities for part in parts])
    val = 0.0 if settings.val_source else settings.val_fraction
    test = 0.0 if settings.test_source else settings.test_fraction
    if settings.split_column is not None:
        sides = np.concatenate([_given(part) for part in parts])
    elif settings.split in ("scaffold", "parent"):
        groups = _groups(parts, settings.split, pool)
        sides = splits.split_by_group(identities, groups, val, test, settings.split_seed)
    else:
        methods: dict[str, Callable[..., NDArray[np.int8]]] = {
            "identity": splits.split_by_hash,
            "random": splits.split_at_random,
        }
        sides = methods[settings.split](identities, val, test, settings.split_seed)
    start = 0
    for part in parts:
        if part.side is not None:
            sides[start : start + len(part.rows)] = part.side
        start += len(part.rows)
    return sides, splits.count_overlap(identities, sides)


def warn_of_overlap(overlap: Mapping[str, int], settings: SplitSettings) -> None:
    """Say that a split that the data bring shares identities between its sides; our own never does."""
    if any(overlap.values()):
        assert settings.split_column or settings.val_source or settings.test_source, (
            "our own splits never leak"
        )
        log.warning("The given split shares identities between its sides: %s.", overlap)


def _given(part: Part) -> NDArray[np.int8]:
    if part.given is None:
        return np.zeros(len(part.rows), dtype=np.int8)
    return splits.split_as_given(part.given)


def _groups(parts: Sequence[Part], kind: str, pool: WorkerPool) -> TextColumn:
    """Return every row's scaffold or parent, from whichever side of the task is a molecule."""
    groups = []
    for part in parts:
        task = part.rows.task
        for side, texts in ((task.input, part.rows.inputs), (task.output, part.rows.outputs)):
            if hasattr(load_notation(side.notation), kind):
                groups.append(guarded_map(side.notation, kind, texts, pool))
                break
        else:
            raise ValueError(
                f"--data.split {kind} needs a task with molecules (smiles or selfies) on one side, but {task.name!r} has "
                f"{task.input.notation} and {task.output.notation}. Use --data.split identity."
            )
    return TextColumn.join(groups)
