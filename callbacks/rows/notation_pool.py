"""Guarded workers that answer questions about notations, each distinct question once, and ahead of time if asked to.

Models write anything, and RDKit can think for seconds about a string (PITFALLS 16) or crash. So predictions are judged
in child processes that can be killed, one for each core of the rank. Answers are kept, because several callbacks ask the
same questions, and because a timeout must be paid for once only.
"""

from __future__ import annotations

import os
import queue
from collections.abc import Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import groupby

from datamodules.workers.cores import share_of_cores
from datamodules.workers.guarded_worker import GuardedWorker, Result

Question = tuple[str, str, tuple[str, ...]]
"""Notation, name of its function, arguments."""

_MOST_ANSWERS = 200_000  # about 100 MB; then start anew
_CHUNK = 64  # questions a job: small enough to share work out evenly, large enough that a pipe costs nothing


class Judges:
    """Answers questions in child processes.

    In a forked process (a rank, a data loader's worker) it starts threads and children of its own.

    Args:
        workers: Most child processes; by default one for each core that is this rank's. They start when there is work for them.
        timeout_s: Seconds that one question may take before its child is killed.
    """

    def __init__(self, workers: int | None = None, timeout_s: float = 1.5) -> None:
        self._most, self._timeout_s = workers, timeout_s
        self._answers: dict[Question, Result] = {}
        self._pending: list[Future[dict[Question, Result]]] = []
        self._on_the_way: set[Question] = set()
        self._owner = -1

    def ask(self, questions: Sequence[Question]) -> list[Result]:
        """Return the answers, in order; a question that takes too long or fails has `error` set, the others go on."""
        self.ask_ahead(questions)
        self._collect()
        return [self._answers[question] for question in questions]

    def ask_ahead(self, questions: Iterable[Question]) -> None:
        """Begin with questions that will be asked; what is known or on the way is not asked again.

        Consecutive questions go to the same child, whose cache of parsed molecules serves all that is asked about one:
        keep questions about the same texts close to each other.
        """
        self._begin()
        if len(self._answers) > _MOST_ANSWERS:
            self._answers.clear()
        missing = [question for question in dict.fromkeys(questions) if question not in self._answers]
        missing = [question for question in missing if question not in self._on_the_way]
        self._on_the_way.update(missing)
        for start in range(0, len(missing), _CHUNK):
            self._pending.append(self._executor.submit(self._answer, missing[start : start + _CHUNK]))

    def _begin(self) -> None:
        """Make threads and workers; after a fork those of the parent are of no use."""
        if self._owner == os.getpid():
            return
        self._owner = os.getpid()
        self._pending, self._on_the_way = [], set()
        # Counted here, as judges are made before a launcher has said how many ranks there are.
        count = self._most or share_of_cores()
        self._executor = ThreadPoolExecutor(count, thread_name_prefix="judge")
        self._workers: queue.SimpleQueue[GuardedWorker] = queue.SimpleQueue()
        for _ in range(count):
            self._workers.put(GuardedWorker(self._timeout_s))

    def _answer(self, questions: list[Question]) -> dict[Question, Result]:
        """Ask one worker; runs in a thread, which waits for the child and holds no lock meanwhile."""
        worker = self._workers.get()
        try:
            answers: dict[Question, Result] = {}
            for (notation, function), group in groupby(questions, key=lambda question: question[:2]):
                alike = list(group)
                results = worker.map(notation, function, [arguments for _, _, arguments in alike])
                answers.update(zip(alike, results, strict=True))
            return answers
        finally:
            self._workers.put(worker)

    def _collect(self) -> None:
        """Wait for what is on the way."""
        pending, self._pending = self._pending, []
        self._on_the_way = set()
        for future in pending:
            self._answers.update(future.result())
