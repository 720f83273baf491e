"""Every task's rows on their sides of the split: read and checked once, then kept in the cache."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datamodules.rows.guess_notations import Guess, apply, guess_from_rows
from datamodules.rows.read_and_split import SplitSettings, locations, read_parts, split_parts, warn_of_overlap
from datamodules.rows.task_rows import TaskRows
from datamodules.sources.lookup import hash_source, load_source
from datamodules.sources.rows import Rows, SetAside
from datamodules.splits import nested_order
from datamodules.storage.cache import DataCache, Payload, digest
from datamodules.storage.cache_keys import describe_code
from datamodules.storage.text_columns import TextColumn, TextLists
from datamodules.tasks import Task
from datamodules.workers.worker_pool import WorkerPool

_COLUMNS = ("inputs", "outputs", "identities", "originals")


@dataclass(frozen=True)
class Prepared:
    """All usable rows of all tasks (N in all, part after part) and their sides."""

    parts: list[TaskRows]
    sides: NDArray[np.int8]
    """(N,) TRAIN, VAL or TEST."""
    order: NDArray[np.int64]
    """(N,) all rows in the order in which a subset takes them."""
    overlap: dict[str, int]
    """Identities that two sides share."""
    totals: dict[str, int]
    """How many rows each source has."""
    key: str | None
    """Names the content for what is made of it; None if it cannot be named."""
    guesses: list[Guess] = field(default_factory=list)
    """What columns were taken for whose notation nobody said."""


def prepare(
    tasks: Sequence[Task],
    source: str | None,
    settings: SplitSettings,
    forbidden: Sequence[str],
    cache: DataCache,
    workers: int | None = None,
    to_guess: Sequence[str] = (),
    guesses: Sequence[Guess] = (),
) -> Prepared:
    """Read, check, normalise and split the rows of all tasks, or take what an earlier run kept.

    Args:
        tasks: The tasks.
        source: Where rows come from, in place of the tasks' own sources.
        settings: How rows are divided.
        forbidden: Special tokens' texts.
        cache: Where prepared rows are kept.
        workers: Most processes that check texts; by default one for each core that is this rank's.
        to_guess: Sides, `input` or `output`, of the only task whose notation nobody said; it is read off the cells.
        guesses: What they were taken for, where that is known.

    Raises:
        ValueError: If a source or a column does not exist.
    """
    key = _make_key(tasks, source, settings, forbidden, to_guess)
    kept = None if key is None else cache.load("rows", key)
    if kept is not None:
        prepared = _unpack(kept, tasks, source, settings, key)
    else:
        loaded = {}
        if to_guess and not guesses:
            location = locations(tasks[0], source, settings)[0][0]
            loaded = {location: load_source(location)}
            guesses = guess_from_rows(tasks[0], to_guess, loaded[location])
        settled = [apply(task, guesses) for task in tasks]
        prepared = _read(settled, source, settings, forbidden, key, workers, loaded)
        prepared = replace(prepared, guesses=list(guesses))
        if key != _make_key(tasks, source, settings, forbidden, to_guess):
            prepared = replace(prepared, key=None)  # a file was changed while it was read
        elif key is not None and len(prepared.sides) >= cache.least_rows:
            cache.save("rows", key, _pack(prepared))
    warn_of_overlap(prepared.overlap, settings)
    return prepared


def _read(
    tasks: Sequence[Task],
    source: str | None,
    settings: SplitSettings,
    forbidden: Sequence[str],
    key: Mapping[str, Any] | None,
    workers: int | None,
    loaded: Mapping[str, Rows],
) -> Prepared:
    with WorkerPool(workers) as pool:
        parts, sources = read_parts(tasks, source, settings, forbidden, loaded, pool)
        sides, overlap = split_parts(parts, settings, pool)
    identities = TextColumn.join([part.rows.identities for part in parts])
    return Prepared(
        parts=[part.rows for part in parts],
        sides=sides,
        order=nested_order(identities, settings.split_seed),
        overlap=overlap,
        totals={name: rows.total for name, rows in sources.items()},
        key=None if key is None else digest(key),
    )


def _make_key(
    tasks: Sequence[Task],
    source: str | None,
    settings: SplitSettings,
    forbidden: Sequence[str],
    to_guess: Sequence[str],
) -> dict[str, Any] | None:
    """Return all that the prepared rows depend on; sources by their content, not by their names.

    A notation that is read off the cells depends on them and the code, which stand in the key.
    """
    split = {**asdict(settings), "val_source": None, "test_source": None}
    asked = [locations(task, source, settings) for task in tasks]
    places = [location for sided in asked for location, _ in sided]
    hashes = {location: hash_source(location) for location in dict.fromkeys(places)}
    if None in hashes.values():
        return None
    contents = [[(hashes[location], side) for location, side in sided] for sided in asked]
    described = [{**asdict(task), "source": None, "description": ""} for task in tasks]
    for side in to_guess:
        described[0][side]["notation"] = None
    return {
        "tasks": described,
        "sources": contents,
        "same_file": [
            places.index(place) for place in places
        ],  # totals are kept a file, and copies are two files
        "split": split,
        "forbidden": list(forbidden),
        **describe_code(),
    }


def _pack(prepared: Prepared) -> Payload:
    """Return prepared rows as arrays and texts."""
    payload = Payload({"sides": prepared.sides, "order": prepared.order})
    payload.facts = {"overlap": prepared.overlap, "totals": list(prepared.totals.values())}
    payload.facts["guesses"] = [asdict(guess) for guess in prepared.guesses]
    for number, part in enumerate(prepared.parts):
        for name in _COLUMNS:
            column: TextColumn = getattr(part, name)
            payload.texts[f"{number}-{name}"] = column.values
            payload.arrays[f"{number}-{name}"] = column.codes
        payload.texts[f"{number}-alternatives"] = part.alternatives.values
        payload.arrays[f"{number}-alternatives"] = part.alternatives.offsets
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
    """Return the rows that `_pack` packed, under the names that the sources have now."""
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
        key=None if key is None else digest(key),
        guesses=guesses,
    )


def _unpack_part(payload: Payload, number: int, task: Task, file: str) -> TaskRows:
    def column(name: str) -> TextColumn:
        return TextColumn(payload.texts[f"{number}-{name}"], payload.arrays[f"{number}-{name}"])

    aside = zip(
        payload.arrays[f"{number}-aside"].tolist(),
        *(column(f"aside_{name}") for name in ("reason", "text", "task")),
        strict=True,
    )
    return TaskRows(
        task=task,
        **{name: column(name) for name in _COLUMNS},
        alternatives=TextLists(
            payload.arrays[f"{number}-alternatives"], payload.texts[f"{number}-alternatives"]
        ),
        lines=payload.arrays[f"{number}-lines"],
        table_rows=payload.arrays[f"{number}-table_rows"],
        file=file,
        set_aside=[SetAside(file, *row) for row in aside],
    )
