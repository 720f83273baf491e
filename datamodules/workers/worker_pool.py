"""Ask notations about many texts at once, in as many guarded child processes as this rank has cores.

Models and tables hold anything, and RDKit can think for seconds about a string (PITFALLS 16) or crash. So texts are looked
at in child processes that can be killed. A column of texts that are seen once goes through `map`; questions that several ask
go through `ask`, which keeps the answers, because a timeout must be paid for once only.
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

Question = tuple[str, str, tuple[str, ...]]
"""Notation, name of its function, arguments."""

_TEXTS_A_REQUEST = 256  # one that kills its child makes the others of its request be asked again
_TEXTS_A_WORKER = 2_000  # a child takes as long to start as about this many calls
_QUESTIONS_A_JOB = 64  # small enough to share work out evenly, large enough that a pipe costs nothing
_MOST_ANSWERS = 200_000  # about 100 MB; then start anew


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


class _Crew:
    """The workers of one process, and the threads that drive those who answer questions.

    Args:
        count: How many.
        timeout_s: Seconds that one call may take.
    """

    def __init__(self, count: int, timeout_s: float) -> None:
        self.owner = os.getpid()
        self.workers = [GuardedWorker(timeout_s) for _ in range(count)]
        # The one that was used last is taken first, so that little work starts few children.
        self.idle: queue.LifoQueue[GuardedWorker] = queue.LifoQueue()
        for worker in reversed(self.workers):
            self.idle.put(worker)
        self.threads = ThreadPoolExecutor(count, thread_name_prefix="notation")
        self.pending: list[Future[dict[Question, Result]]] = []
        self.on_the_way: set[Question] = set()

    def ask_about_columns(
        self, notation: str, function: str, columns: Sequence[Sequence[Any]]
    ) -> tuple[list[Any], dict[int, str]]:
        """Ask one worker about a part of a column; runs in a thread, which waits for the child and holds no lock meanwhile."""
        worker = self.idle.get()
        try:
            return worker.map_together(notation, function, columns)
        finally:
            self.idle.put(worker)

    def answer(self, questions: Sequence[Question]) -> dict[Question, Result]:
        """Ask one worker a job's questions; runs in a thread, too."""
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

    One text that kills its child costs that text only. In a forked process (a rank, a data loader's worker) the pool starts
    threads and children of its own; a pickled copy does, too. It may be used again after `close`, and knows its answers still.
    Not for several threads at once.

    Args:
        workers: Most children; by default one for each core that is this rank's.
        timeout_s: Seconds that one call may take before its child is killed.
    """

    def __init__(self, workers: int | None = None, timeout_s: float = 1.5) -> None:
        self._most, self._timeout_s = workers, timeout_s
        self._answers: dict[Question, Result] = {}
        self._crew: _Crew | None = None

    def __reduce__(self) -> tuple[type[WorkerPool], tuple[int | None, float]]:
        return WorkerPool, (self._most, self._timeout_s)

    def __enter__(self) -> WorkerPool:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the children, if there are any."""
        crew, self._crew = self._crew, None
        if crew is not None and crew.owner == os.getpid():
            crew.close()

    @property
    def workers(self) -> list[GuardedWorker]:
        """This process's workers."""
        return self._begin().workers

    def _begin(self) -> _Crew:
        """Return this process's crew; after a fork that of the parent is of no use."""
        if self._crew is None or self._crew.owner != os.getpid():
            # Counted here, as pools are made before a launcher has said how many ranks there are.
            self._crew = _Crew(self._most or share_of_cores(), self._timeout_s)
        return self._crew

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
        crew = self._begin()

        def ask(start: int) -> tuple[pa.LargeStringArray, dict[int, str]]:
            columns: list[Sequence[Any]] = [texts[start : start + _TEXTS_A_REQUEST].to_pylist()]
            if numbers is not None:
                columns.append(numbers[start : start + _TEXTS_A_REQUEST].tolist())
            values, errors = crew.ask_about_columns(notation, function, columns)
            return as_strings(values), {start + number: error for number, error in errors.items()}

        # As many threads as workers are worth starting; the crew's would start them all.
        threads = ThreadPoolExecutor(min(len(crew.workers), max(1, len(texts) // _TEXTS_A_WORKER)))
        try:
            parts = list(threads.map(ask, range(0, len(texts), _TEXTS_A_REQUEST)))
        finally:
            threads.shutdown(cancel_futures=True)
        errors = {number: error for _, found in parts for number, error in found.items()}
        return Answers(pa.concat_arrays([values for values, _ in parts]), errors)

    def ask(self, questions: Sequence[Question]) -> list[Result]:
        """Return the answers, in order; a question that takes too long or fails has `error` set, the others go on.

        Raises:
            ValueError: If there is no such notation or function.
            RuntimeError: If a child process does not start.
        """
        self.ask_ahead(questions)
        self._collect()
        return [self._answers[question] for question in questions]

    def ask_ahead(self, questions: Iterable[Question]) -> None:
        """Begin with questions that will be asked; what is known or on the way is not asked again.

        Consecutive questions go to the same child, whose cache of parsed molecules serves all that is asked about one:
        keep questions about the same texts close to each other.
        """
        crew = self._begin()
        if len(self._answers) > _MOST_ANSWERS:
            self._answers.clear()
        missing = [question for question in dict.fromkeys(questions) if question not in self._answers]
        missing = [question for question in missing if question not in crew.on_the_way]
        crew.on_the_way.update(missing)
        for start in range(0, len(missing), _QUESTIONS_A_JOB):
            crew.pending.append(crew.threads.submit(crew.answer, missing[start : start + _QUESTIONS_A_JOB]))

    def _collect(self) -> None:
        """Wait for what is on the way."""
        crew = self._begin()
        pending, crew.pending = crew.pending, []
        crew.on_the_way = set()
        for future in pending:
            self._answers.update(future.result())
