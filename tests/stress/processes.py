"""All processes of a run, whoever started them and whoever is their parent now. Linux only."""

from __future__ import annotations

import time
import uuid
from contextlib import suppress
from pathlib import Path

VARIABLE = "PATOIS_STRESS"
"""Environment variable that every process of a run inherits."""


def new_mark() -> dict[str, str]:
    """Return an environment by which the processes that are started with it can be found again."""
    return {VARIABLE: uuid.uuid4().hex}


def find(mark: dict[str, str]) -> dict[int, str]:
    """Return the command lines of the processes that are alive with this mark, by process id."""
    wanted = f"{VARIABLE}={mark[VARIABLE]}".encode()
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # gone meanwhile, or another user's
            if wanted in (folder / "environ").read_bytes().split(b"\0"):  # a zombie's is empty
                found[int(folder.name)] = (folder / "cmdline").read_text().replace("\0", " ").strip()
    return found


def wait_until_gone(mark: dict[str, str], seconds: float) -> dict[int, str]:
    """Wait until no process with this mark is left; return those that still are."""
    deadline = time.monotonic() + seconds
    while (left := _find_twice(mark)) and time.monotonic() < deadline:
        time.sleep(0.2)
    return left


def _find_twice(mark: dict[str, str]) -> dict[int, str]:
    """Look again where nothing was found: a process that is just becoming another program shows no environment."""
    if not (found := find(mark)):
        time.sleep(0.1)
        found = find(mark)
    return found
