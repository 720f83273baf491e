"""End this process when a call takes too long, whatever code runs.

POSIX: without a handler, the kernel's alarm ends the process. It costs 1.4 microseconds a call. Elsewhere a thread outside
Python's lock does so and writes a line; it costs 40, so it is not the way for all.
"""

from __future__ import annotations

import faulthandler
import signal

HAS_ALARM = hasattr(signal, "setitimer")
_LINE = "Timeout ("
"""How the line begins that faulthandler writes before it ends the process."""


def prepare() -> None:
    """Let the alarm end this process; its mask and its handler may be inherited."""
    if HAS_ALARM:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGALRM})


def set_alarm(seconds: float, output: int) -> None:
    """End this process after some seconds unless `stop_alarm` is called.

    Args:
        seconds: Seconds of wall-clock time.
        output: The file descriptor of what the parent reads.
    """
    if HAS_ALARM:
        signal.setitimer(signal.ITIMER_REAL, seconds)
    else:
        faulthandler.dump_traceback_later(seconds, exit=True, file=output)


def stop_alarm() -> None:
    """Let this process live."""
    if HAS_ALARM:
        signal.setitimer(signal.ITIMER_REAL, 0)
    else:
        faulthandler.cancel_dump_traceback_later()


def is_answer(line: str) -> bool:
    r"""Return whether a child's line is an answer: whole, and not the alarm's.

    Examples:
        >>> is_answer("[]\n"), is_answer("[1,"), is_answer("Timeout (0:00:01)!\n")
        (True, False, False)
    """
    return line.endswith("\n") and not line.startswith(_LINE)


def was_alarm(line: str, status: int) -> bool:
    """Return whether the alarm ended a child, by its last line and its exit status."""
    return line.startswith(_LINE) or (HAS_ALARM and status == -signal.SIGALRM)
