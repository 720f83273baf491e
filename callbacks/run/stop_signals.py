"""SIGTERM, SIGINT and SLURM's signal before the time limit: noted on all ranks of a machine, acted on when it is safe."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Sequence
from types import FrameType
from typing import Any, NoReturn

GRACE_SECONDS = 30.0
"""How long a process that was told to stop, and has nothing left to save, may take to clean up before it is ended."""


class Stopped(SystemExit):
    """Raised to end the process; its code is 128 + the signal's number, as a shell would report it."""


class StopSignals:
    """Notes the first signal to stop, passes it on to the other ranks of this machine, and stops at once where that is safe.

    Lightning's own handler kills the ranks or broadcasts from within the handler, which waits for ever when the ranks
    are in the middle of something else.

    Args:
        stop: Called from the handler, with the signal, while `immediate` is true. It raises `Stopped`.
    """

    def __init__(self, stop: Callable[[int], NoReturn]) -> None:
        self.stop = stop
        self.received = 0
        """The signal, or 0."""
        self.immediate = True
        """Whether there is nothing to save: stop at once. Otherwise somebody asks for `received` in time."""
        self._owner = 0
        self._peers: Sequence[int] = ()
        self._before: dict[int, Any] = {}

    def install(self, peers: Sequence[int], extra: Sequence[int] = ()) -> None:
        """Handle the signals from now on.

        Args:
            peers: Process ids of the other ranks on this machine.
            extra: Signals to handle besides SIGTERM and SIGINT.
        """
        if threading.current_thread() is not threading.main_thread():
            return
        self._owner, self._peers = os.getpid(), peers
        for signum in (signal.SIGTERM, signal.SIGINT, *extra):
            before = signal.signal(signum, self._handle)
            self._before.setdefault(signum, before)

    def restore(self) -> None:
        """Handle them as before the first `install`; nothing if a signal came, as the process is about to end."""
        if threading.current_thread() is threading.main_thread() and not self.received:
            for signum, handler in self._before.items():
                signal.signal(signum, handler)
            self._before = {}

    def _handle(self, signum: int, frame: FrameType | None) -> None:
        if os.getpid() != self._owner:  # a child that was forked: it is not the one that training depends on
            if signum != signal.SIGINT:
                signal.signal(signum, signal.SIG_DFL)
                os.kill(os.getpid(), signum)
            return
        if self.received:
            return
        self.received = signum
        for peer in self._peers:
            with contextlib.suppress(ProcessLookupError):
                os.kill(peer, signum)
        if self.immediate:
            self.stop(signum)


def exit_soon(code: int, seconds: float = GRACE_SECONDS) -> None:
    """End this process after `seconds` if it has not ended by then, e.g. because a rank that is gone never answers."""
    timer = threading.Timer(seconds, os._exit, [code])
    timer.daemon = True
    timer.start()


def requeue_slurm_job() -> str:
    """Ask SLURM to start this job once more; return in a few words what came of it."""
    job = os.environ["SLURM_JOB_ID"]
    if "SLURM_ARRAY_JOB_ID" in os.environ:
        job = f"{os.environ['SLURM_ARRAY_JOB_ID']}_{os.environ['SLURM_ARRAY_TASK_ID']}"
    try:
        code = subprocess.run(["scontrol", "requeue", job], check=False).returncode
    except OSError as error:
        return f"`scontrol requeue {job}` could not be run ({error})"
    return (
        f"job {job} is queued again" if code == 0 else f"`scontrol requeue {job}` failed with status {code}"
    )
