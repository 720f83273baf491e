"""Record SIGTERM, SIGINT and SLURM's signal before the time limit on all ranks of a machine; stop when it is safe."""

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
"""How long a stopping process with nothing left to save may clean up before it is killed."""


class Stopped(SystemExit):
    """Raised to end the process; its exit code is 128 + the signal's number, as a shell would report it."""


class StopSignals:
    """Records the first stop signal, forwards it to the other ranks on this machine, and stops at once if that is safe.

    Lightning's own handler kills the ranks or broadcasts from within the handler, which hangs if the ranks are busy with
    another operation.

    Args:
        stop: Called from the handler with the signal while `immediate` is true. It raises `Stopped`.
    """

    def __init__(self, stop: Callable[[int], NoReturn]) -> None:
        self.stop = stop
        self.received = 0
        """The signal, or 0."""
        self.immediate = True
        """Whether to stop at once because there is nothing to save; otherwise the caller checks `received` in time."""
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
        """Restore the handlers from before the first `install`, unless a signal came: the process is then ending."""
        if threading.current_thread() is threading.main_thread() and not self.received:
            for signum, handler in self._before.items():
                signal.signal(signum, handler)
            self._before = {}

    def _handle(self, signum: int, frame: FrameType | None) -> None:
        if os.getpid() != self._owner:  # a forked child, which training does not depend on
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
    """Kill this process if it has not ended after `seconds`, e.g. because it waits for a rank that has ended."""
    timer = threading.Timer(seconds, os._exit, [code])
    timer.daemon = True
    timer.start()


def requeue_slurm_job() -> str:
    """Ask SLURM to requeue this job; return a short description of the result."""
    job = os.environ["SLURM_JOB_ID"]
    if "SLURM_ARRAY_JOB_ID" in os.environ:
        job = f"{os.environ['SLURM_ARRAY_JOB_ID']}_{os.environ['SLURM_ARRAY_TASK_ID']}"
    try:
        code = subprocess.run(["scontrol", "requeue", job], check=False).returncode
    except OSError as error:
        return f"`scontrol requeue {job}` could not be run ({error})"
    return f"job {job} is requeued" if code == 0 else f"`scontrol requeue {job}` failed with status {code}"
