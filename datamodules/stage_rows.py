"""All rows of all tasks, from their sources to their sides of the split."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from datamodules import splits
from datamodules.notations.lookup import load_notation
from datamodules.sources.lookup import load_source
from datamodules.sources.rows import Rows
from datamodules.task_rows import TaskRows, guarded_map, read_column, read_task
from datamodules.tasks import Task

log = logging.getLogger(__name__)

Split = Literal["identity", "scaffold", "random"]


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
    given: Sequence[str] | None
    """What the split column says of each row, if there is one."""


def read_parts(
    tasks: Sequence[Task], source: str | None, settings: SplitSettings, forbidden: Sequence[str] = ()
) -> tuple[list[Part], dict[str, Rows]]:
    """Read every task's rows, and return them with the sources by name; a source is read once.

    Raises:
        ValueError: If neither the flags nor a task name a source.
    """
    loaded: dict[str, Rows] = {}
    parts = []
    for task in tasks:
        name = source or task.source
        if name is None:
            raise ValueError(f"The task {task.name!r} has no source of its own: say --data.source my.csv")
        sided = ((name, None), (settings.val_source, splits.VAL), (settings.test_source, splits.TEST))
        for location, side in sided:
            if location is None:
                continue
            if location not in loaded:
                loaded[location] = load_source(location)
            rows = read_task(task, loaded[location], forbidden=forbidden)
            given = None
            if settings.split_column is not None and side is None:
                cells = read_column(loaded[location], settings.split_column, "split")
                given = [cells[place][0] if cells[place] else "" for place in rows.table_rows]
            parts.append(Part(rows, side, given))
    return parts, loaded


def split_parts(parts: Sequence[Part], settings: SplitSettings) -> tuple[NDArray[np.int8], dict[str, int]]:
    """Return each row's side, parts laid end to end, and the overlap of identities between sides.

    The split is made over all tasks at once, so that no molecule is trained on in one task and tested in another.
    """
    identities = [identity for part in parts for identity in part.rows.identities]
    val = 0.0 if settings.val_source else settings.val_fraction
    test = 0.0 if settings.test_source else settings.test_fraction
    if settings.split_column is not None:
        sides = np.concatenate([_given(part) for part in parts])
    elif settings.split == "scaffold":
        sides = splits.split_by_scaffold(identities, _scaffolds(parts), val, test, settings.split_seed)
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
    overlap = splits.count_overlap(identities, sides)
    if any(overlap.values()):
        assert settings.split_column or settings.val_source or settings.test_source, (
            "our own splits never leak"
        )
        log.warning("The given split shares identities between its sides: %s.", overlap)
    return sides, overlap


def _given(part: Part) -> NDArray[np.int8]:
    if part.given is None:
        return np.zeros(len(part.rows), dtype=np.int8)
    return splits.split_as_given(part.given)


def _scaffolds(parts: Sequence[Part]) -> list[str]:
    """Return every row's scaffold, from whichever side of the task is a molecule."""
    scaffolds: list[str] = []
    for part in parts:
        task = part.rows.task
        for side, texts in ((task.input, part.rows.inputs), (task.output, part.rows.outputs)):
            module = load_notation(side.notation)
            if hasattr(module, "scaffold"):
                scaffolds += guarded_map(module, side.notation, "scaffold", texts)
                break
        else:
            raise ValueError(
                f"--data.split scaffold needs a task with molecules (smiles or selfies) on one side, but {task.name!r} has "
                f"{task.input.notation} and {task.output.notation}. Use --data.split identity."
            )
    return scaffolds
