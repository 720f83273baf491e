"""Write files completely or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, BinaryIO, TextIO


@contextmanager
def whole_file(path: Path) -> Iterator[TextIO]:
    """Open a text file for writing that replaces `path` once it is complete and on the disk.

    A reader never sees half a file. After an error or a kill, the old content remains.
    """
    part = path.with_name(path.name + ".part")
    with part.open("w", newline="", encoding="utf-8") as file:
        yield file
        _settle(file)
    part.replace(path)


@contextmanager
def whole_binary_file(path: Path) -> Iterator[BinaryIO]:
    """Open a file of bytes as `whole_file` opens one of text."""
    part = path.with_name(path.name + ".part")
    with part.open("wb") as file:
        yield file
        _settle(file)
    part.replace(path)


def _settle(file: IO[Any]) -> None:
    """Bring what was written to the disk."""
    file.flush()
    os.fsync(file.fileno())
