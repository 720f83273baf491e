"""How the command line ends when something is wrong that a user can mend: one line, and a status.

Status 0: done. 1: a mistake in what was asked for. 2: a flag that is none. 74: the disk is full (EX_IOERR of sysexits.h).
128 + a signal's number, so 130 and 143: stopped by SIGINT and SIGTERM (see callbacks/run/run_stopper.py).
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from configs.lookup import PROJECT

OWN_FOLDERS = ("lightning_modules", "datamodules", "callbacks", "cli", "configs")
DISK_FULL = 74


def ending_of(error: BaseException) -> tuple[str, int] | None:
    """Return the line and the status that an error ends the program with, or None if it is not the user's to mend.

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
    if isinstance(error, ValueError) and _is_our_own(error):
        return f"error: {error}", 1
    if isinstance(error, OSError) and _is_full(error):
        return f"error: {_describe_full(error)}", DISK_FULL
    return None


def _is_our_own(error: ValueError) -> bool:
    """Return whether our own code raised the error, so that its message is all that the user needs."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    path = Path(trace.tb_frame.f_code.co_filename) if trace is not None else PROJECT
    return any(path.is_relative_to(PROJECT / folder) for folder in OWN_FOLDERS)


def _is_full(error: OSError) -> bool:
    from callbacks.run.checkpoint_io import FULL

    return error.errno in FULL


def _describe_full(error: OSError) -> str:
    """Return what is missing: as the checkpoint writer says it; of another file, on the fullest disk that runs write to."""
    from callbacks.run.checkpoint_io import DiskFull

    if isinstance(error, DiskFull):
        return str(error.strerror)
    places = [Path(place) for place in (error.filename, "runs", ".", tempfile.gettempdir()) if place]
    free, place = min((shutil.disk_usage(path).free, str(path)) for path in places if path.exists())
    return (
        f"The disk of {place} is full: {free:,} bytes are free, and at least a block of 4,096 bytes is missing. "
        "A checkpoint that was written before is intact."
    )
