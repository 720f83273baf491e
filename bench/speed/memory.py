"""Memory of a process and its descendants at one time: the sum of their proportional set sizes (Linux's `/proc`).

A page that several processes share counts once in the sum, so forked workers do not count their parent's pages again.
"""

from __future__ import annotations

import re
import time
from contextlib import suppress
from pathlib import Path

PROC = Path("/proc")
BUSY = 0.05
"""Largest share of the time spent on sampling: the kernel counts the pages of a process one by one."""


def family(root: int) -> list[int]:
    """Return the ids of a process and of all its living descendants."""
    children: dict[int, list[int]] = {}
    for folder in PROC.iterdir():
        if folder.name.isdigit():
            with suppress(OSError):
                # pid (name) state parent ...; a name can hold anything
                parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
                children.setdefault(parent, []).append(int(folder.name))
    found = [root]
    for process in found:
        found += children.get(process, [])
    return found


def _read(process: int, file: str, field: str) -> int:
    """Return a field of a process's file in bytes, 0 if the process is gone."""
    try:
        text = (PROC / str(process) / file).read_text()
    except (FileNotFoundError, ProcessLookupError):
        if not (PROC / "self" / file).exists():
            raise OSError(
                f"Expected Linux's /proc/PID/{file} to read memory from, but it is missing."
            ) from None
        return 0
    found = re.search(rf"^{field}:\s+(\d+) kB", text, re.MULTILINE)
    return 1024 * int(found[1]) if found else 0


def proportional_bytes(process: int) -> int:
    """Return a process's proportional set size, 0 if it is gone."""
    return _read(process, "smaps_rollup", "Pss")


class PeakMemory:
    """The largest total memory of a process and its descendants over all samples."""

    def __init__(self) -> None:
        self.peak = 0
        """Bytes."""
        self.processes = 0
        """Number of processes at the peak."""
        self.own_peak = 0
        """Peak resident bytes of the first process by the kernel's count; shared pages count in full."""
        self.looks = 0
        self._rest_until = 0.0

    def look(self, root: int) -> None:
        """Sample a process and its descendants, unless the last sample was too recent for its cost."""
        start = time.monotonic()
        if start < self._rest_until:
            return
        sizes = [size for size in map(proportional_bytes, family(root)) if size]
        if sum(sizes) > self.peak:
            self.peak, self.processes = sum(sizes), len(sizes)
        self.own_peak = max(self.own_peak, _read(root, "status", "VmHWM"))
        self.looks += 1
        end = time.monotonic()
        self._rest_until = end + (end - start) / BUSY
