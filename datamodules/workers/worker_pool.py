"""Call notations on many texts at once, in as many guarded child processes as this rank has cores.

Model outputs and tables hold arbitrary text, and RDKit can spend seconds on a string (docs/pitfalls.md 16) or crash. So child
processes that can be killed handle the texts. `map` handles a column whose texts are needed once. `ask` handles questions
that several callers share and keeps the answers, so that a timeout costs its time only once.
"""

from __future__ import annotations

import os
import queue
from collections.abc import Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import groupby
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from datamodules.storage.text_columns import as_strings
from datamodules.workers.cores import share_of_cores
from datamodules.workers.guarded_worker import GuardedWorker, Result

Question = tuple[str, str, tuple[str | int, ...]]
"""Notation, function name, arguments."""

_TEXTS_A_REQUEST = 256  # a text that kills its child makes its whole request run again
_TEXTS_A_WORKER = 2_000  # starting a child takes as long as about this many calls
_QUESTIONS_A_JOB = 64  # small enough to divide work evenly, large enough to make the pipe's cost negligible
_MOST_ANSWERS = 200_000  # about 100 MB; above this, all answers are dropped


class Answers(NamedTuple):
    """The results of a notation's function for N texts."""

    values: pa.LargeStringArray
    """(N,) the returned texts, null where the call failed."""
    errors: dict[int, str]
    """The reasons of failures by the text's number: a notation's own reason, `timeout` or `crashed`."""

    def or_else(self, texts: pa.LargeStringArray) -> pa.LargeStringArray:
        """Return the values, with the entry of `texts` where a value is missing."""
        return self.values.fill_null("") if not self.errors else _coalesce(self.values, texts)


def _coalesce(values: pa.LargeStringArray, texts: pa.LargeStringArray) -> pa.LargeStringArray:
    both = pa.concat_arrays([values, texts])
    places = np.arange(len(values))
    missing = values.is_null().to_numpy(zero_copy_only=False)
    return both.take(pa.array(np.where(missing, places + len(values), places)))


class _ProcessWorkers:
    """The workers of one process, and the threads that send questions to them.

    Args:
        count: Number of workers.
        timeout_s: Seconds that one call may take.
    """

    def __init__(self, count: int, timeout_s: float) -> None:
        self.owner = os.getpid()
        self.workers = [GuardedWorker(timeout_s) for _ in range(count)]
        # The most recently used worker is taken first, so that little work starts few children.
        self.idle: queue.LifoQueue[GuardedWorker] = queue.LifoQueue()
        for worker in reversed(self.workers):
            self.idle.put(worker)
        self.threads = ThreadPoolExecutor(count, thread_name_prefix="notation")
        self.pending: list[Future[dict[Question, Result]]] = []
        self.in_flight: set[Question] = set()

    def ask_about_columns(
        self, notation: str, function: str, columns: Sequence[Sequence[Any]]
    ) -> tuple[list[Any], dict[int, str]]:
        """Send a part of a column to one worker; runs in a thread, which holds no lock while it waits for the child."""
        worker = self.idle.get()
        try:
            return worker.map_together(notation, function, columns)
        finally:
            self.idle.put(worker)

    def answer(self, questions: Sequence[Question]) -> dict[Question, Result]:
        """Send a job's questions to one worker; also runs in a thread."""
        worker = self.idle.get()
        try:
            answers: dict[Question, Result] = {}
            for (notation, function), group in groupby(questions, key=lambda question: question[:2]):
                alike = list(group)
                results = worker.map(notation, function, [arguments for _, _, arguments in alike])
                answers.update(zip(alike, results, strict=True))
            return answers
        finally:
            self.idle.put(worker)

    def close(self) -> None:
        """End the threads, then the children."""
        self.threads.shutdown(cancel_futures=True)
        for worker in self.workers:
            worker.close()


class WorkerPool:
    """Guarded workers (see `GuardedWorker`), each driven by a thread. A context manager; children start when needed.

    A text that kills its child loses only its own result. In a forked process (a rank, a data loader's worker) the pool
    starts its own threads and children, and so does a pickled copy. It can be used again after `close` and keeps its
    answers. Not thread-safe.

    Args:
        workers: Maximum number of children; by default one for each of this rank's cores.
        timeout_s: Seconds that one call may take before its child is killed.
    """

    def __init__(self, workers: int | None = None, timeout_s: float = 1.5) -> None:
        self._max_workers, self._timeout_s = workers, timeout_s
        self._answers: dict[Question, Result] = {}
        self._active: _ProcessWorkers | None = None

    def __reduce__(self) -> tuple[type[WorkerPool], tuple[int | None, float]]:
        return WorkerPool, (self._max_workers, self._timeout_s)

    def __enter__(self) -> WorkerPool:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the children, if any."""
        active, self._active = self._active, None
        if active is not None and active.owner == os.getpid():
            active.close()

    @property
    def workers(self) -> list[GuardedWorker]:
        """This process's workers."""
        return self._activate().workers

    def _activate(self) -> _ProcessWorkers:
        """Return this process's workers; after a fork, those of the parent cannot be used."""
        if self._active is None or self._active.owner != os.getpid():
            # Cores are counted here because a pool is created before a launcher has set the number of ranks.
            self._active = _ProcessWorkers(self._max_workers or share_of_cores(), self._timeout_s)
        return self._active

    def map(
        self,
        notation: str,
        function: str,
        texts: pa.LargeStringArray,
        numbers: NDArray[np.int64] | None = None,
    ) -> Answers:
        """Call a public function of a notation that returns text, for each text.

        Args:
            notation: Name of a notation, such as `smiles`.
            function: Name of one of its public functions, such as `normalize`.
            texts: (N,) the first argument.
            numbers: (N,) the second argument, if the function takes one.

        Raises:
            ValueError: If the notation or function does not exist.
            RuntimeError: If a child process does not start.
        """
        if not len(texts):
            return Answers(as_strings([]), {})
        active = self._activate()

        def ask(start: int) -> tuple[pa.LargeStringArray, dict[int, str]]:
            columns: list[Sequence[Any]] = [texts[start : start + _TEXTS_A_REQUEST].to_pylist()]
            if numbers is not None:
                columns.append(numbers[start : start + _TEXTS_A_REQUEST].tolist())
            values, errors = active.ask_about_columns(notation, function, columns)
            return as_strings(values), {start + number: error for number, error in errors.items()}

        # As many threads as workers are worth starting; the process's shared threads would start all workers.
        threads = ThreadPoolExecutor(min(len(active.workers), max(1, len(texts) // _TEXTS_A_WORKER)))
        try:
            parts = list(threads.map(ask, range(0, len(texts), _TEXTS_A_REQUEST)))
        finally:
            threads.shutdown(cancel_futures=True)
        errors = {number: error for _, found in parts for number, error in found.items()}
        return Answers(pa.concat_arrays([values for values, _ in parts]), errors)

    def ask(self, questions: Sequence[Question]) -> list[Result]:
        """Return the answers in order; a question that takes too long or fails has `error` set and affects no other.

        Raises:
            ValueError: If the notation or function does not exist.
            RuntimeError: If a child process does not start.
        """
        self.ask_ahead(questions)
        self._collect()
        return [self._answers[question] for question in questions]

    def ask_ahead(self, questions: Iterable[Question]) -> None:
        """Start to answer questions that `ask` will get; answered and pending questions are not sent again.

        Consecutive questions go to the same child, whose cache of parsed molecules serves all questions about one molecule:
        keep questions about the same texts close to each other.
        """
        active = self._activate()
        if len(self._answers) > _MOST_ANSWERS:
            self._answers.clear()
        missing = [question for question in dict.fromkeys(questions) if question not in self._answers]
        missing = [question for question in missing if question not in active.in_flight]
        active.in_flight.update(missing)
        for start in range(0, len(missing), _QUESTIONS_A_JOB):
            active.pending.append(
                active.threads.submit(active.answer, missing[start : start + _QUESTIONS_A_JOB])
            )

    def _collect(self) -> None:
        """Wait for the pending questions and keep their answers."""
        active = self._activate()
        pending, active.pending = active.pending, []
        active.in_flight = set()
        for future in pending:
            self._answers.update(future.result())
