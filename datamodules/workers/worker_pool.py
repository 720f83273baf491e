"""Ask notations about many texts at once, in as many guarded child processes as this rank has cores."""

from __future__ import annotations

import queue
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from datamodules.storage.text_columns import as_strings
from datamodules.workers.cores import share_of_cores
from datamodules.workers.guarded_worker import GuardedWorker

_CHUNK = 256  # texts a request: one that kills its child makes the others of its request be asked again
_TEXTS_A_WORKER = 2_000  # a child takes as long to start as about this many calls


class Answers(NamedTuple):
    """What a notation's function gave for N texts."""

    values: pa.LargeStringArray
    """(N,) the returned texts, null where it failed."""
    errors: dict[int, str]
    """Why, by the text's number: a notation's own reason, `timeout` or `crashed`."""

    def or_else(self, texts: pa.LargeStringArray) -> pa.LargeStringArray:
        """Return the values, and of `texts` where there is none."""
        return self.values.fill_null("") if not self.errors else _coalesce(self.values, texts)


def _coalesce(values: pa.LargeStringArray, texts: pa.LargeStringArray) -> pa.LargeStringArray:
    both = pa.concat_arrays([values, texts])
    places = np.arange(len(values))
    missing = values.is_null().to_numpy(zero_copy_only=False)
    return both.take(pa.array(np.where(missing, places + len(values), places)))


class WorkerPool:
    """Guarded workers (see `GuardedWorker`), each driven by a thread. A context manager; children start when needed.

    One text that kills its child costs that text only.

    Args:
        workers: Most children; by default one for each core that is this rank's.
    """

    def __init__(self, workers: int | None = None) -> None:
        self.workers = [GuardedWorker() for _ in range(workers or share_of_cores())]

    def __enter__(self) -> WorkerPool:
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self.workers:
            worker.close()

    def map(
        self,
        notation: str,
        function: str,
        texts: pa.LargeStringArray,
        numbers: NDArray[np.int64] | None = None,
    ) -> Answers:
        """Call a public function of a notation that returns text, for each text.

        Args:
            notation: Name of a notation, as `smiles`.
            function: Name of one of its public functions, as `normalize`.
            texts: (N,) the first argument.
            numbers: (N,) the second argument, if it takes one.

        Raises:
            ValueError: If there is no such notation or function.
            RuntimeError: If a child process does not start.
        """
        if not len(texts):
            return Answers(as_strings([]), {})
        idle: queue.SimpleQueue[GuardedWorker] = queue.SimpleQueue()
        used = self.workers[: max(1, len(texts) // _TEXTS_A_WORKER)]
        for worker in used:
            idle.put(worker)

        def ask(start: int) -> tuple[pa.LargeStringArray, dict[int, str]]:
            columns: list[Sequence[Any]] = [texts[start : start + _CHUNK].to_pylist()]
            if numbers is not None:
                columns.append(numbers[start : start + _CHUNK].tolist())
            worker = idle.get()
            try:
                values, errors = worker.map_together(notation, function, columns)
            finally:
                idle.put(worker)
            return as_strings(values), {start + number: error for number, error in errors.items()}

        threads = ThreadPoolExecutor(len(used))
        try:
            parts = list(threads.map(ask, range(0, len(texts), _CHUNK)))
        finally:
            threads.shutdown(cancel_futures=True)
        errors = {number: error for _, found in parts for number, error in found.items()}
        return Answers(pa.concat_arrays([values for values, _ in parts]), errors)
