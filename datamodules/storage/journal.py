"""A file of JSON lines that only ever grows, so that work which was killed goes on behind its last whole line."""

from __future__ import annotations

import errno
import json
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

try:
    import fcntl
except ImportError:  # Windows: nothing keeps a second process out
    fcntl = None  # type: ignore[assignment]

RETRY_SECONDS = 2.0
_HELD = (errno.EACCES, errno.EAGAIN)
_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL)


class Journal:
    """Entries behind a head that says what they depend on; with another head it begins anew.

    A line counts once it is whole. What a kill or a full disk left behind the last whole line is cut off. `append` returns when
    its lines are on the disk, so that a line that is lost is never followed by one that is not.

    Args:
        path: The file; its folder is created.
        head: What the entries depend on, by name; plain values.

    Attributes:
        changed: Names of what the head of an earlier journal says otherwise; empty if there was none, or if it goes on.

    Raises:
        ValueError: If another process holds the journal, or the path cannot be opened or holds something else.
    """

    def __init__(self, path: Path, head: Mapping[str, str]) -> None:
        self.path = path
        self._file: BinaryIO = _open_locked(path)
        line = self._file.readline()
        if not may_be_head(line, head):
            self._file.close()
            raise ValueError(
                f"{path}: expected the unfinished answers of an earlier command or no file, but it is another file: move it, or "
                "name another output."
            )
        before = _parse(line)
        self.changed = _differences(before, head) if isinstance(before, dict) else []
        self._start = self._file.tell()
        if before != head:
            self._cut(0)
            self._start = sum(self.append([head])[0])

    def replay(self) -> Iterator[tuple[int, int, Any]]:
        """Return place, size and value of each whole entry, and cut off what stands behind the last one."""
        self._file.seek(self._start)
        place = self._start
        for line in iter(self._file.readline, b""):
            value = _parse(line)
            if value is None:
                break
            yield place, len(line), value
            place += len(line)
            self._file.seek(place)
        self._cut(place)

    def _cut(self, size: int) -> None:
        self._file.seek(size)
        self._file.truncate()

    def append(self, values: Iterable[Any]) -> list[tuple[int, int]]:
        """Write entries behind the others; return the place and the size of each, once all are on the disk."""
        place, found = self._file.seek(0, os.SEEK_END), []
        for value in values:
            line = json.dumps(value).encode() + b"\n"
            self._file.write(line)
            found.append((place, len(line)))
            place += len(line)
        self._file.flush()
        os.fsync(self._file.fileno())
        return found

    def read(self, place: int, size: int) -> Any:
        """Return the entry at a place."""
        self._file.seek(place)
        return json.loads(self._file.read(size))

    def close(self) -> None:
        """Close the file, which stays."""
        self._file.close()

    def remove(self) -> None:
        """Remove the file: what it was kept for is done."""
        steps: list[Callable[[], None]] = [partial(self.path.unlink, missing_ok=True), self.close]
        for step in steps if fcntl is not None else reversed(steps):  # Windows removes no open file
            step()


def _open_locked(path: Path) -> BinaryIO:
    """Open a file, made if there is none, and hold it until it is closed; unlike `flock`, no child inherits this lock.

    Raises:
        ValueError: If another process holds it, or it cannot be opened.
    """
    deadline = time.monotonic() + RETRY_SECONDS  # a process that has just been killed may still be ending
    while True:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            handle = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o644)
        except OSError as error:
            raise ValueError(
                f"{path}: expected a file that can be written, or none, but opening it gives {error.strerror!r}: remove what is "
                "there, or name another output."
            ) from error
        file = os.fdopen(handle, "r+b")
        locked = _try_lock(file)
        if locked and _is_at(file, path):
            return file
        file.close()
        if time.monotonic() > deadline:
            raise ValueError(
                f"{path}: expected that nobody else writes it, but another process does: wait until it ends, or name "
                "another file."
            )
        if not locked:
            time.sleep(0.1)


def _is_at(file: BinaryIO, path: Path) -> bool:
    """Return whether an open file is still the one at a path: whoever held it may have removed it."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


def may_be_head(line: bytes, head: Mapping[str, str]) -> bool:
    r"""Return whether the first line of a file is a journal's head, of other values perhaps, or what a kill left of one.

    Examples:
        >>> head = {"rows": "1f", "weights": "2e"}
        >>> [may_be_head(line, head) for line in (b"", b'{"rows": "3', b'{"rows": "3d", "weights": "4c"}\n', b"\0\0")]
        [True, True, True, True]
        >>> [may_be_head(line, head) for line in (b"my notes", b"my notes\n", b'{"id": "3"}\n', b"[]\n", b"\xff\n")]
        [False, False, False, False, False]
    """
    if line.endswith(b"\n"):
        value = _parse(line)
        return isinstance(value, dict) and value.keys() == head.keys()
    start, written = json.dumps(head).encode().partition(b": ")[0], line.rstrip(b"\0")
    return written.startswith(start) or start.startswith(written)


def _try_lock(file: BinaryIO) -> bool:
    """Lock an open file; return whether it is this process's now, as where there are no locks."""
    if fcntl is None:
        return True
    try:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno not in (*_HELD, *_NO_LOCKS):
            raise
        return error.errno in _NO_LOCKS
    return True


def _parse(line: bytes) -> Any:
    r"""Return the value of a whole line, or None for another one.

    >>> _parse(b'[1, "a"]\n'), _parse(b'[1, "a'), _parse(b"[1]"), _parse(b"\0\0\n")
    ([1, 'a'], None, None, None)
    """
    if not line.endswith(b"\n"):
        return None
    try:
        return json.loads(line)
    except ValueError:  # UnicodeDecodeError is one
        return None


def _differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Return the names of what differs.

    >>> _differences({"a": 1, "b": 2}, {"a": 1, "b": 3, "c": 4})
    ['b', 'c']
    """
    return [name for name in dict.fromkeys([*before, *now]) if before.get(name) != now.get(name)]
