"""Run a function in a forked process, with a limit, and pass on what it yields.

A fork has all that this process has imported, which saves ten seconds a section. It must not have used a GPU: CUDA cannot be
used in a fork of a process that has.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import time
import traceback
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection

from bench.speed.memory import family
from tests.gpu.place import Place, Result

KEPT = 2000
"""Characters of an error that are kept."""


class CutShort(Exception):
    """A function did not end within its limit, or ended with an error; the message says which."""


def run_apart(run: Callable[[Place], Iterator[Result]], place: Place, seconds: float) -> Iterator[Result]:
    """Yield what the function yields in a process of its own, whose output goes to a file in the folder.

    Raises:
        CutShort: If it takes longer, raises, or its process dies. What it had started is killed.
    """
    fork = multiprocessing.get_context("fork")
    receive, send = fork.Pipe(duplex=False)
    process = fork.Process(target=_work, args=(send, run, place))
    end = time.monotonic() + seconds
    process.start()
    send.close()
    try:
        while True:
            if not receive.poll(max(0.0, end - time.monotonic())):
                raise CutShort(f"past its limit of {seconds:.0f} s")
            try:
                kind, value = receive.recv()
            except EOFError:
                process.join()
                raise CutShort(f"its process died with code {process.exitcode}") from None
            if kind == "end":
                return
            if kind == "error":
                raise CutShort(value)
            yield value
    finally:
        _kill_all(process.pid)
        process.join()
        receive.close()


def _kill_all(root: int | None) -> None:
    """Kill a process and all that it has started: ranks, loaders' workers, compilers."""
    assert root is not None
    for pid in family(root):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _work(send: Connection, run: Callable[[Place], Iterator[Result]], place: Place) -> None:
    log = os.open(place.folder / "log.txt", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(log, 1)
    os.dup2(log, 2)
    try:
        for result in run(place):
            send.send(("result", result))
        send.send(("end", None))
    except BaseException:
        send.send(("error", traceback.format_exc()[-KEPT:]))
