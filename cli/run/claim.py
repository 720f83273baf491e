"""Claim a folder: a lock that dies with its process, and a heartbeat for disks whose locks do not reach other machines.

The claim is a file in the folder. It says who holds the folder, and is removed when its process ends in order. The kernel drops
the lock of a process that is killed; a claim of another machine counts as dead once its heartbeat has stopped.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shlex
import socket
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any

from callbacks.loggers.secrets import hide_in_words

try:
    import fcntl
except ImportError:  # Windows: the folder is held as on a disk without locks
    fcntl = None  # type: ignore[assignment]

FILE = ".claim"
BEAT_SECONDS = 10.0
SILENT_SECONDS = 60.0
"""After this time without a heartbeat, a process on another machine counts as dead."""
RETRY_SECONDS = 2.0
LONGEST_COMMAND = 100
"""Characters of a command that an error shows."""
_HELD = (errno.EACCES, errno.EAGAIN)
_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL)
_SIZE = 4096  # written at once, so that a reader sees a whole claim

Holder = dict[str, Any]
"""Who holds a folder: host, pid, started, since, command, beats, and what the caller adds."""


def find_start(pid: int) -> str | None:
    """Return when a process of this machine started, in a form that no later process of the same id shares; None: it ended."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        if sys.platform == "linux":
            return None
        import psutil  # installed where there is no /proc

        try:
            return str(psutil.Process(pid).create_time())
        except psutil.Error:
            return None
    state, *fields = stat.rpartition(")")[2].split()
    return None if state in "ZX" else fields[18]


def describe_self(words: Sequence[str], **more: Any) -> Holder:
    """Return this process as a holder, without the secrets of its command."""
    return {
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "started": find_start(os.getpid()),
        "since": time.strftime("%Y-%m-%d %H:%M:%S"),
        "command": shlex.join(hide_in_words(list(words))),
        "beats": 0,
        **more,
    }


def read_holder(path: Path) -> Holder | None:
    """Return who wrote a claim, or None if there is none."""
    try:
        return _parse(path.read_bytes())
    except OSError:
        return None


def lives(holder: Holder) -> bool | None:
    """Return whether a holder's process lives, or None if it runs on another machine."""
    if holder["host"] != socket.gethostname():
        return None
    return find_start(int(holder["pid"])) == holder["started"]


def still_beats(path: Path, holder: Holder) -> bool:
    """Watch a claim of another machine; return whether its process refreshes it within `SILENT_SECONDS`."""
    with contextlib.suppress(OSError):
        if time.time() - path.stat().st_mtime > 10 * SILENT_SECONDS:  # clocks of machines differ a little
            return False
    sys.stderr.write(
        f"{path.parent} was last used by process {holder['pid']} on {holder['host']}; looking for up to "
        f"{SILENT_SECONDS:.0f} s whether it lives.\n"
    )
    deadline = time.monotonic() + SILENT_SECONDS
    while time.monotonic() < deadline:
        time.sleep(min(1.0, SILENT_SECONDS / 10))
        now = read_holder(path)
        if now is not None and now["beats"] != holder["beats"]:
            return True
    return False


class Claim:
    """The right to write to a folder, as a context manager.

    Args:
        folder: The folder; made if it does not exist, and removed at the end if nothing was written to it.
        holder: This process, as `describe_self` gives it.

    Raises:
        ValueError: On entering, if another process holds the folder; it names that process.
    """

    def __init__(self, folder: Path, holder: Holder) -> None:
        self.folder, self.path, self.holder = folder, folder / FILE, holder
        self._made = not folder.is_dir()
        self._handle = -1
        self._done = threading.Event()

    def __enter__(self) -> Claim:
        self.folder.mkdir(parents=True, exist_ok=True)
        deadline = time.monotonic() + RETRY_SECONDS  # a process that has just been killed may still be ending
        while not self._take():
            if time.monotonic() > deadline:
                raise ValueError(describe_refusal(self.folder, read_holder(self.path)))
            time.sleep(0.1)
        threading.Thread(target=self._beat, name="claim", daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._done.set()
        is_current = self._is_current()
        leave: list[Callable[[], None]] = [
            partial(os.close, self._handle),
            *([self.path.unlink] if is_current else []),
        ]
        for step in leave if fcntl is None else reversed(leave):  # Windows removes no open file
            with contextlib.suppress(OSError):
                step()
        with contextlib.suppress(OSError):  # not empty
            if self._made:
                self.folder.rmdir()

    def _take(self) -> bool:
        """Try to get the lock and write the claim; return whether that worked."""
        self._handle = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o644)
        locked = _lock(self._handle)
        if locked is False:
            os.close(self._handle)
            return False
        # Not read_holder: closing another handle of the file would drop the lock.
        before = self._read()
        free = self._is_current() and not self._is_held(before)
        if free:
            self._write()
            if locked is None:  # whoever wrote last has it
                time.sleep(RETRY_SECONDS)
                free = _is_same(self._read(), self.holder)
        if not free:
            os.close(self._handle)
        return free

    def _is_held(self, before: Holder | None) -> bool:
        """Return whether another process holds the folder although the lock is free, as on some network disks."""
        if before is None or _is_same(before, self.holder):
            return False
        alive = lives(before)
        if alive is not None:
            return alive
        return not _was_restarted(before, self.holder) and still_beats(self.path, before)

    def _is_current(self) -> bool:
        """Return whether the file is still the one in the folder: its last holder may have removed it."""
        try:
            return os.fstat(self._handle).st_ino == self.path.stat().st_ino
        except OSError:
            return False

    def _read(self) -> Holder | None:
        os.lseek(self._handle, 0, os.SEEK_SET)
        return _parse(os.read(self._handle, _SIZE))

    def _write(self) -> None:
        os.lseek(self._handle, 0, os.SEEK_SET)
        os.write(self._handle, json.dumps(self.holder).encode().ljust(_SIZE))

    def _beat(self) -> None:
        while not self._done.wait(BEAT_SECONDS):
            with contextlib.suppress(OSError, ValueError):
                now = self._read()
                if now is not None and not _is_same(now, self.holder):
                    sys.stderr.write(f"error: {describe_refusal(self.folder, now)}\n")
                    sys.stderr.flush()
                    os._exit(1)  # this process was suspended so long that it counted as dead
                self.holder["beats"] += 1
                self._write()


def _lock(handle: int) -> bool | None:
    """Lock an open file; return whether that worked, or None where there are no locks."""
    if fcntl is None:
        return None
    try:
        fcntl.lockf(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in _HELD:
            return False
        if error.errno not in _NO_LOCKS:
            raise
        return None
    return True


def _parse(content: bytes) -> Holder | None:
    try:
        holder = json.loads(content)
    except ValueError:
        return None
    return holder if isinstance(holder, dict) and {"host", "pid", "started", "beats"} <= set(holder) else None


def _is_same(one: Mapping[str, Any] | None, other: Mapping[str, Any]) -> bool:
    return one is not None and all(one.get(key) == other.get(key) for key in ("host", "pid", "started"))


def _was_restarted(before: Mapping[str, Any], now: Mapping[str, Any]) -> bool:
    """Return whether a cluster has ended a holder's job and restarted it as this one, maybe on another machine."""
    same = before.get("job") is not None and before["job"] == now.get("job")
    return same and before.get("restarts", 0) < now.get("restarts", 0)


def describe_refusal(folder: Path, holder: Holder | None) -> str:
    """Return the line about a folder that another process holds.

    Examples:
        >>> holder = {"host": "node1", "pid": 7, "since": "2026-01-02 03:04:05", "command": "train.py fit --name a"}
        >>> print(describe_refusal(Path("runs/a"), holder))
        runs/a is in use since 2026-01-02 03:04:05 by process 7 on node1 (train.py fit --name a). Wait for its end, stop it \
(kill 7), or choose another --name.
    """
    if holder is None:
        return f"{folder} is in use by another process. Wait for its end, or choose another --name."
    command = holder["command"]
    if len(command) > LONGEST_COMMAND:
        command = f"{command[:LONGEST_COMMAND]} ..."
    return (
        f"{folder} is in use since {holder['since']} by process {holder['pid']} on {holder['host']} ({command}). "
        f"Wait for its end, stop it (kill {holder['pid']}), or choose another --name."
    )
