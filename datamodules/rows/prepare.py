"""Prepare every task's rows and their sides of the split: read and check them once, then keep them in the cache."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datamodules.rows.columns.vocabulary import read_words
from datamodules.rows.guess_notations import Guess, apply, guess_from_rows
from datamodules.rows.read_and_split import (
    Part,
    SplitSettings,
    leave_out_unasked,
    leave_out_untrained,
    locations,
    read_parts,
    split_parts,
    warn_of_overlap,
)
from datamodules.rows.task_rows import TaskRows
from datamodules.sources.lookup import hash_source, load_source
from datamodules.sources.rows import Rows, SetAside
from datamodules.sources.tables.options import TableOptions
from datamodules.splits import NAMES, nested_order
from datamodules.storage.cache import DataCache, Payload, digest
from datamodules.storage.cache_keys import describe_code
from datamodules.storage.spill import each_text
from datamodules.storage.text_columns import TextColumn, TextLists
from datamodules.tasks import Task
from datamodules.tokens.control_tokens import ControlTokens
from datamodules.workers.ray_parts import Engine
from datamodules.workers.worker_pool import WorkerPool

_COLUMNS = ("inputs", "outputs", "identities", "originals")


@dataclass(frozen=True)
class Prepared:
    """All usable rows of all tasks (N in all, part after part) and their sides."""

    parts: list[TaskRows]
    sides: NDArray[np.int8]
    """(N,) TRAIN, VAL, TEST or LEFT_OUT."""
    order: NDArray[np.int64]
    """(N,) all rows in the order in which subsets take them."""
    overlap: dict[str, int]
    """The number of identities that each pair of sides shares."""
    totals: dict[str, int]
    """The number of rows of each source."""
    notes: dict[str, list[str]]
    """What was decided when each source was read, for people."""
    key: str | None
    """Hash that identifies the content in the keys of derived data; None if the content cannot be identified."""
    guesses: list[Guess] = field(default_factory=list)
    """The notations that were guessed from the cells."""
    contents: dict[str, str] = field(default_factory=dict)
    """The kind and the content hash of each source; empty if the content cannot be identified."""

    def sides_by_part(self) -> list[NDArray[np.int8]]:
        """Return the sides of each part's rows."""
        return np.split(self.sides, np.cumsum([len(part) for part in self.parts])[:-1])

    def select_side(self, side: str, task_names: Sequence[str]) -> list[NDArray[np.int64]]:
        """Return the rows of a side, one array per task, in the order in which subsets take them."""
        numbers = np.array([task_names.index(part.task.name) for part in self.parts])
        tasks = np.repeat(numbers, [len(part) for part in self.parts])[self.order]
        on_side = self.sides[self.order] == NAMES.index(side)
        return [self.order[on_side & (tasks == task)] for task in range(len(task_names))]


def prepare(
    tasks: Sequence[Task],
    source: str | None,
    settings: SplitSettings,
    forbidden: ControlTokens,
    cache: DataCache,
    workers: int | None = None,
    options: TableOptions | None = None,
    *,
    keep_small: bool = False,
    open_sides: Sequence[str] = (),
    guesses: Sequence[Guess] = (),
    engine: Engine = "local",
) -> Prepared:
    """Read, check, normalise and split the rows of all tasks, or load them from the cache.

    Args:
        tasks: The tasks.
        source: The source of the rows, in place of the tasks' own sources.
        settings: Settings of the split.
        forbidden: Texts of the control tokens.
        cache: The cache of prepared rows.
        workers: Maximum number of processes that check texts; by default one for each of this rank's cores.
        options: What the user says about the sources' files.
        keep_small: Also cache small tables.
        open_sides: What of `input`, `output` and `kind` the cells have to tell.
        guesses: What they told, if they were already read.
        engine: Where the parts of a large table are checked; the rows are the same.

    Raises:
        ValueError: If a source or a column does not exist.
    """
    options = options or TableOptions()
    key = _make_key(tasks, source, settings, forbidden, options, open_sides)
    kept = None if key is None else cache.load("rows", key)
    if kept is not None:
        prepared = _unpack(kept, tasks, source, settings, key)
    else:
        loaded: dict[str, Rows] = {}
        if open_sides and not guesses:
            location = locations(tasks[0], source, settings)[0][0]
            loaded[location] = load_source(location, options)
            guesses = guess_from_rows(tasks, open_sides, loaded[location])
        known = [apply(task, guesses) for task in tasks]
        prepared = _read(known, source, settings, forbidden, options, key, workers, loaded, engine)
        prepared = replace(prepared, guesses=list(guesses))
        if key != _make_key(tasks, source, settings, forbidden, options, open_sides):
            prepared = replace(prepared, key=None)  # a file changed during reading
        elif key is not None and (keep_small or len(prepared.sides) >= cache.least_rows):
            packed = _pack(prepared)
            kept = cache.keep("rows", key, packed, len(prepared.sides))
            if kept is not packed:
                prepared = _unpack(kept, tasks, source, settings, key)
    warn_of_overlap(prepared.overlap, settings)
    if key is None or prepared.key is None:
        return prepared
    files = [file for task in tasks for file, _ in locations(task, source, settings)]
    hashes = [content for of_task in key["sources"] for content, _ in of_task]
    return replace(prepared, contents=dict(zip(files, hashes, strict=True)))


def _read(
    tasks: Sequence[Task],
    source: str | None,
    settings: SplitSettings,
    forbidden: ControlTokens,
    options: TableOptions,
    key: Mapping[str, Any] | None,
    workers: int | None,
    loaded: Mapping[str, Rows],
    engine: Engine,
) -> Prepared:
    with WorkerPool(workers) as pool:
        parts, sources = read_parts(tasks, source, settings, forbidden, pool, options, loaded, engine)
        sides, overlap = split_parts(parts, settings, pool)
    parts, sides = leave_out_untrained(parts, sides)
    sides = leave_out_unasked(parts, sides)
    identities = chain.from_iterable(each_text(part.rows.identities) for part in parts)
    return Prepared(
        parts=[part.rows for part in parts],
        sides=sides,
        order=nested_order(identities, settings.split_seed),
        overlap=overlap,
        totals={name: rows.total for name, rows in sources.items()},
        notes={name: _join_notes(name, rows, parts) for name, rows in sources.items()},
        key=None if key is None else digest(key),
    )


def _join_notes(name: str, rows: Rows, parts: Sequence[Part]) -> list[str]:
    """Return what was decided about a source, and about its rows by each task."""
    of_tasks = [note for part in parts if part.rows.file == name for note in part.rows.notes]
    return list(dict.fromkeys([*rows.notes, *of_tasks]))


def _make_key(
    tasks: Sequence[Task],
    source: str | None,
    settings: SplitSettings,
    forbidden: ControlTokens,
    options: TableOptions,
    open_sides: Sequence[str],
) -> dict[str, Any] | None:
    """Return everything that the prepared rows depend on, with sources by their content and not by their names.

    A guessed notation depends on the content and the code, which are in the key.
    """
    split = {**asdict(settings), "val_source": None, "test_source": None}
    files_by_task = [locations(task, source, settings) for task in tasks]
    files = [file for task_files in files_by_task for file, _ in task_files]
    hashes = {file: hash_source(file) for file in dict.fromkeys(files)}
    if None in hashes.values():
        return None
    contents = [[(hashes[file], side) for file, side in task_files] for task_files in files_by_task]
    described = [
        {
            **asdict(task),
            "source": None,
            "description": "",
            "words": task.words and sorted(read_words(task.words)),
        }
        for task in tasks
    ]
    for content in described:
        for side in ("input", "output"):
            if side in open_sides:
                content[side]["notation"] = None
        if "kind" in open_sides and ("output" in open_sides or (content["choices"] or {}).get("auto")):
            content["choices"], content["output"]["digits"] = None, None
    return {
        "tasks": described,
        "sources": contents,
        # Totals are kept per file, and two copies are two files.
        "same_file": [files.index(file) for file in files],
        "split": split,
        "forbidden": forbidden.describe(),
        "options": asdict(options),
        **describe_code(),
    }


def _pack(prepared: Prepared) -> Payload:
    """Return prepared rows as arrays and texts."""
    payload = Payload({"sides": prepared.sides, "order": prepared.order})
    payload.facts = {"overlap": prepared.overlap, "totals": list(prepared.totals.values())}
    payload.facts["notes"] = list(prepared.notes.values())
    payload.facts["guesses"] = [asdict(guess) for guess in prepared.guesses]
    for number, part in enumerate(prepared.parts):
        for name in _COLUMNS:
            column: TextColumn = getattr(part, name)
            if column is part.inputs and name != "inputs":
                continue
            payload.texts[f"{number}-{name}"] = column.values
            payload.arrays[f"{number}-{name}"] = column.codes
        for name, further in (("groups", part.groups), ("conditions", part.conditions)):
            if further is not None:
                payload.texts[f"{number}-{name}"] = further.values
                payload.arrays[f"{number}-{name}"] = further.codes
        if part.spans is not None:
            payload.arrays[f"{number}-spans"] = part.spans
        payload.texts[f"{number}-alternatives"] = part.alternatives.values
        payload.arrays[f"{number}-alternatives"] = part.alternatives.offsets
        for name, lists in (("choices", part.choices), ("others", part.others)):
            if lists is not None:
                payload.texts[f"{number}-{name}"] = lists.values
                payload.arrays[f"{number}-{name}"] = lists.offsets
        payload.arrays[f"{number}-lines"] = part.lines
        payload.arrays[f"{number}-table_rows"] = part.table_rows
        payload.arrays[f"{number}-aside"] = np.array([row.line for row in part.set_aside], dtype=np.int64)
        for name in ("reason", "text", "task"):
            aside = TextColumn.of([getattr(row, name) for row in part.set_aside])
            payload.texts[f"{number}-aside_{name}"] = aside.values
            payload.arrays[f"{number}-aside_{name}"] = aside.codes
    return payload


def _unpack(
    payload: Payload,
    tasks: Sequence[Task],
    source: str | None,
    settings: SplitSettings,
    key: Mapping[str, Any] | None,
) -> Prepared:
    """Return the rows that `_pack` converted, with the current names of their sources."""
    guesses = [Guess.of(fields) for fields in payload.facts["guesses"]]
    tasks = [apply(task, guesses) for task in tasks]
    files = [(task, location) for task in tasks for location, _ in locations(task, source, settings)]
    parts = [_unpack_part(payload, number, task, file) for number, (task, file) in enumerate(files)]
    names = dict.fromkeys(location for _, location in files)
    return Prepared(
        parts=parts,
        sides=payload.arrays["sides"],
        order=payload.arrays["order"],
        overlap=payload.facts["overlap"],
        totals=dict(zip(names, payload.facts["totals"], strict=True)),
        notes=dict(zip(names, payload.facts["notes"], strict=True)),
        key=None if key is None else digest(key),
        guesses=guesses,
    )


def _unpack_part(payload: Payload, number: int, task: Task, file: str) -> TaskRows:
    def lists(name: str) -> TextLists | None:
        key = f"{number}-{name}"
        return TextLists(payload.arrays[key], payload.texts[key]) if key in payload.arrays else None

    def column(name: str) -> TextColumn:
        name = name if f"{number}-{name}" in payload.arrays else "inputs"
        return TextColumn(payload.texts[f"{number}-{name}"], payload.arrays[f"{number}-{name}"])

    aside = zip(
        payload.arrays[f"{number}-aside"].tolist(),
        *(column(f"aside_{name}") for name in ("reason", "text", "task")),
        strict=True,
    )
    return TaskRows(
        task=task,
        inputs=column("inputs"),
        outputs=column("outputs"),
        identities=column("identities"),
        originals=column("originals"),
        alternatives=TextLists(
            payload.arrays[f"{number}-alternatives"], payload.texts[f"{number}-alternatives"]
        ),
        lines=payload.arrays[f"{number}-lines"],
        table_rows=payload.arrays[f"{number}-table_rows"],
        file=file,
        set_aside=[SetAside(file, *row) for row in aside],
        choices=lists("choices"),
        others=lists("others"),
        conditions=None if task.condition is None else column("conditions"),
        groups=None if task.shots_from is None else column("groups"),
        spans=payload.arrays.get(f"{number}-spans"),
    )
