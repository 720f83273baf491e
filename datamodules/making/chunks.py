"""All chunks of a recipe, on all cores: each is kept as a file, so that a run that was killed goes on where it stood.

A chunk is a pure function of (recipe, seed, number), and the chunks are joined in order. So the rows are the same for any number
of processes and after any kill.
"""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import shutil
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from datamodules.making.recipe import Chunk, Recipe, make_chunk
from datamodules.making.report import count_methods
from datamodules.storage.atomic_write import whole_binary_file
from datamodules.storage.saved_plan import is_begun

CHUNK = 5_000
"""Candidates a chunk: OPSIN starts once for them, and a kill loses one chunk a process."""
PROVENANCE = b"PROVENANCE"
_COUNTS = b"counts"
_EMPTY_CHUNKS = 10
"""So many chunks in a row without a new row end a run: the recipe has nothing more to give."""
_PLAN = "plan.json"
_WAIT_S = 0.1


class Plan(NamedTuple):
    """What the chunks of a folder depend on."""

    recipe: Callable[[], Recipe]
    """Makes the recipe, in each process anew; a module's class or function."""
    seed: int
    chunk: int = CHUNK

    def describe(self, recipe: Recipe) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return {"recipe": recipe.name, "seed": self.seed, "chunk": self.chunk, **recipe.describe()}


class Made(NamedTuple):
    """What a run made."""

    rows: int
    counts: dict[str, dict[str, Any]]
    """See `report.count_methods`."""
    chunks: int


def parts_of(output: Path) -> Path:
    """Return the folder that holds an output's chunks until it is whole."""
    return output.with_name(output.name + ".parts")


def make_rows(
    plan: Plan,
    rows: int,
    output: Path,
    processes: int,
    tell: Callable[[int, int], None] = lambda rows, chunks: None,
) -> Made:
    """Write a Parquet file of so many rows, fewer only if the recipe has no more to give.

    Args:
        plan: The recipe, seed and size of a chunk.
        rows: Rows of the file.
        output: The file; its chunks lie beside it in a folder that ends with `.parts`, until it is whole.
        processes: Processes that make chunks; with 1 this one does.
        tell: Is told the rows and chunks so far, after each chunk.

    Raises:
        ValueError: If the folder holds chunks of another plan.
    """
    recipe = plan.recipe()
    described = plan.describe(recipe)
    parts = parts_of(output)
    _open_parts(parts, described)
    with _started(plan, parts, processes) as chunks:
        table, made = _join(recipe, chunks, rows, tell)
    provenance = {**described, "rows": made.rows, "chunks": made.chunks, "methods": made.counts}
    text = json.dumps(provenance, sort_keys=True)
    with whole_binary_file(output) as file:
        pq.write_table(table.replace_schema_metadata({PROVENANCE: text.encode()}), file, compression="zstd")
    shutil.rmtree(parts, ignore_errors=True)
    return made


def read_provenance(path: Path) -> dict[str, Any]:
    """Return what a made file says about itself; nothing for other files."""
    found = (pq.read_schema(path).metadata or {}).get(PROVENANCE, b"{}")
    content: dict[str, Any] = json.loads(found)
    return content


def _open_parts(parts: Path, described: Mapping[str, Any]) -> None:
    """Make the folder of the chunks, or check that its chunks are of the same plan.

    Raises:
        ValueError: If they are not.
    """
    parts.mkdir(parents=True, exist_ok=True)
    plan = parts / _PLAN
    if is_begun(plan, described, "chunks of this plan", "remove the folder, or give another --output"):
        return
    with whole_binary_file(plan) as file:
        file.write(json.dumps(described, sort_keys=True).encode())


def _join(
    recipe: Recipe, chunks: Iterator[Chunk], rows: int, tell: Callable[[int, int], None]
) -> tuple[pa.Table, Made]:
    """Return the first rows of the chunks in order, without duplicates, and the counts."""
    seen: set[bytes] = set()
    tables: list[pa.Table] = []
    generated, kept = Counter[str](), Counter[str]()
    dropped: Counter[tuple[str, str]] = Counter()
    have = empty = number = 0
    for number, chunk in enumerate(chunks, 1):
        generated.update(chunk.generated)
        dropped.update(chunk.dropped)
        methods = chunk.rows["method"].to_pylist()
        keys = zip(*(chunk.rows[name].to_pylist() for name in recipe.key), strict=True)
        places = []
        for place, key in enumerate(keys):
            digest = hashlib.blake2b("\0".join(key).encode(), digest_size=16).digest()
            if have >= rows:  # beyond what was asked for: no candidate of this run
                generated[methods[place]] -= 1
            elif digest in seen:
                dropped[methods[place], "duplicate"] += 1
            else:
                seen.add(digest)
                places.append(place)
                kept[methods[place]] += 1
                have += 1
        tables.append(chunk.rows.take(pa.array(places, pa.int64())))
        empty = 0 if places else empty + 1
        tell(have, number)
        if have >= rows or empty >= _EMPTY_CHUNKS:
            break
    table = pa.concat_tables(tables)
    return table, Made(have, count_methods(generated, dropped, kept), number)


@contextmanager
def _started(plan: Plan, parts: Path, processes: int) -> Iterator[Iterator[Chunk]]:
    """Start the processes and give the chunks in order, each as soon as it is there; end the processes at the end."""
    if processes == 1:
        recipe = plan.recipe()
        yield (_read_or_make(plan, recipe, parts, number) for number in count())
        return
    # Forked children of a process with threads (Arrow's) can hang.
    context = multiprocessing.get_context("spawn")
    workers = [
        context.Process(target=_work, args=(plan, parts, first, processes), daemon=True)
        for first in range(processes)
    ]
    for worker in workers:
        worker.start()
    try:
        yield (_wait(parts, number, workers) for number in count())
    finally:
        for worker in workers:
            worker.terminate()
        for worker in workers:
            worker.join()


def _wait(parts: Path, number: int, workers: list[Any]) -> Chunk:
    """Return a chunk once its file is there.

    Raises:
        RuntimeError: If a process has ended, so that it may never be.
    """
    path = _place(parts, number)
    while not path.is_file():
        if any(worker.exitcode is not None for worker in workers):
            raise RuntimeError(
                "A process that makes chunks has ended; its last lines stand above. Start the command again to go on."
            )
        time.sleep(_WAIT_S)
    return _read(path)


def _work(plan: Plan, parts: Path, first: int, step: int) -> None:
    """Make each `step`-th chunk from `first` on, until the parent ends this process or has ended itself."""
    signal.signal(
        signal.SIGINT, signal.SIG_IGN
    )  # Ctrl-C reaches the whole group, and the parent ends this process
    recipe = plan.recipe()
    parent = multiprocessing.parent_process()
    for number in count(first, step):
        if parent is not None and not parent.is_alive():
            return
        if not _place(parts, number).is_file():
            _read_or_make(plan, recipe, parts, number)


def _read_or_make(plan: Plan, recipe: Recipe, parts: Path, number: int) -> Chunk:
    """Return a chunk from its file, which is made first if it is not there."""
    path = _place(parts, number)
    if not path.is_file():
        chunk = make_chunk(recipe, plan.seed, number, plan.chunk)
        counts = {
            "generated": chunk.generated,
            "dropped": [[*key, value] for key, value in chunk.dropped.items()],
        }
        table = chunk.rows.replace_schema_metadata({_COUNTS: json.dumps(counts).encode()})
        part = path.with_name(f"{path.name}.{os.getpid()}.part")
        pq.write_table(table, part, compression="zstd")
        part.replace(path)
    return _read(path)


def _place(parts: Path, number: int) -> Path:
    return parts / f"{number:06d}.parquet"


def _read(path: Path) -> Chunk:
    table = pq.read_table(path)
    counts = json.loads(table.schema.metadata[_COUNTS])
    dropped = Counter({(method, reason): number for method, reason, number in counts["dropped"]})
    return Chunk(table.replace_schema_metadata(None), Counter(counts["generated"]), dropped)
