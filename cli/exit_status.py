"""The line and the exit status for errors that a user can fix.

Status 0: done. 1: a user's mistake. 2: an unknown or invalid flag. 74: the disk is full (EX_IOERR of sysexits.h).
128 + a signal's number (130 for SIGINT, 143 for SIGTERM): stopped by that signal (see callbacks/run/run_stopper.py).
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from configs.lookup import PROJECT

OWN_FOLDERS = ("lightning_modules", "datamodules", "callbacks", "cli", "configs")
DISK_FULL = 74
USAGE = 2


class UsageError(ValueError):
    """An unknown or invalid flag; `--help` lists the right ones."""


def ending_of(error: BaseException) -> tuple[str, int] | None:
    """Return the line and the exit status for an error, or None if the user cannot fix it.

    Examples:
        >>> from configs.lookup import find_config
        >>> try:
        ...     find_config("tokens", "smile")
        ... except ValueError as error:
        ...     ending_of(error)
        ("error: No token is called 'smile' (configs/tokens has: atoms, selfies, smiles; ... too). Did you mean 'smiles'?", 1)
        >>> print(ending_of(KeyError("a mistake in the program")))
        None
    """
    if "PATOIS_TRACEBACK" in os.environ:
        return None
    if isinstance(error, UsageError):
        return f"error: {error}", USAGE
    if isinstance(error, ValueError) and _is_our_own(error):
        return f"error: {error}", 1
    if _is_lightnings(error):
        return f"error: {' '.join(str(error).split())}", 1
    if isinstance(error, OSError) and _is_full(error):
        return f"error: {_describe_full(error)}", DISK_FULL
    return None


def _is_our_own(error: ValueError) -> bool:
    """Return whether this program's code raised the error; its message is then all that the user needs."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    path = Path(trace.tb_frame.f_code.co_filename) if trace is not None else PROJECT
    return any(path.is_relative_to(PROJECT / folder) for folder in OWN_FOLDERS)


def _is_lightnings(error: BaseException) -> bool:
    """Return whether Lightning refuses the configuration while the run goes on, such as a metric that is not logged."""
    from cli.trainer.errors import is_about_configuration

    return is_about_configuration(error)


def _is_full(error: OSError) -> bool:
    from callbacks.run.checkpoint_io import FULL

    return error.errno in FULL


def _describe_full(error: OSError) -> str:
    """Describe a full disk: by the checkpoint writer's message, or for other files by the fullest disk that runs write to."""
    from callbacks.run.checkpoint_io import DiskFull

    if isinstance(error, DiskFull):
        return str(error.strerror)
    places = [Path(place) for place in (error.filename, "runs", ".", tempfile.gettempdir()) if place]
    free, place = min((shutil.disk_usage(path).free, str(path)) for path in places if path.exists())
    return (
        f"The disk of {place} is full: {free:,} bytes are free, and at least one more block of 4,096 bytes is needed. "
        "Free some space. Earlier checkpoints are intact."
    )
