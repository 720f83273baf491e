"""The text of a file: decompressed, decoded, with line feeds as line ends, and with what was cut off or decided told."""

from __future__ import annotations

import re
import zlib
from pathlib import Path
from typing import NamedTuple

from datamodules.sources.rows import SetAside, shown
from datamodules.sources.tables.encoding import decode
from datamodules.sources.tables.options import TableOptions

_PIECE = 1 << 12
_BAD = re.compile("[\ud800-\udfff]")
NUL = "\udc00"
"""A NUL stands as this character while a text is read; `surrogateescape` makes U+DC80 to U+DCFF of bad bytes only."""


class Text(NamedTuple):
    """The text of a file and, where it was cut off, the row that marks the place."""

    text: str
    """With line feeds as line ends; U+DC00 stands for NUL and other lone surrogates for bytes that are not of the encoding."""
    clean: bool
    """True if there is no such character."""
    cut: SetAside | None
    notes: tuple[str, ...]
    """What was decided about the file, a sentence each."""


def read_bytes(path: Path) -> tuple[bytes, str]:
    """Return what a file holds, decompressed if its name ends in .gz, and what is wrong with the end of it (`""` if nothing).

    Raises:
        ValueError: If it is not gzipped although its name says so.
    """
    data = path.read_bytes()
    if not path.name.lower().endswith(".gz"):
        return data, ""
    data, problem = inflate(data)
    if not data or (problem and b"\n" not in data and b"\r" not in data):
        raise ValueError(
            f"{path}: expected gzipped text, but {problem or 'it is empty'}: copy or compress it again."
        )
    return data, problem


def read_text(path: Path, options: TableOptions) -> Text:
    """Return the text of a file.

    Raises:
        ValueError: If it is not gzipped although its name says so, or not in the encoding that was asked for.
    """
    data, problem = read_bytes(path)
    text, note = decode(str(path), data, options.encoding)
    clean = "\0" not in text and not _has_surrogates(text)
    if not clean:
        text = text.replace("\0", NUL)
    text = text.replace("\r\n", "\n")
    if "\n" not in text:
        text = text.replace("\r", "\n")  # the line ends of old Macs
    notes = (note,) if note else ()
    if not problem:
        return Text(text, clean, None, notes)
    # The last line may be half a row that looks like a whole one.
    whole, _, last = text.rpartition("\n")
    whole += "\n" if whole else ""
    return Text(whole, clean, SetAside(str(path), whole.count("\n") + 1, problem, shown(last)), notes)


def describe_bad_characters(text: str) -> str:
    """Return what is wrong with the characters of a text that is not `clean`, or `""`."""
    bad = _BAD.search(text)
    return "" if not bad else "NUL character" if bad.group() == NUL else "not UTF-8"


def _has_surrogates(text: str) -> bool:
    """Say whether a text holds a character that no file can hold."""
    if text.isascii():
        return False
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return True
    return False


def inflate(data: bytes) -> tuple[bytes, str]:
    """Return what gzipped bytes hold, and what is wrong with them (`""` if nothing).

    Everything before a cut or a damaged place is returned.
    """
    parts: list[bytes] = []
    position = 0
    while position < len(data):
        stream = zlib.decompressobj(wbits=31)
        while not stream.eof:
            piece = data[position : position + _PIECE]
            if not piece:
                return b"".join(parts), "the gzip file is cut off here"
            try:
                parts.append(stream.decompress(piece))
            except zlib.error as error:
                return b"".join(parts), f"the gzip file is damaged here ({error})"
            position += len(piece) - len(stream.unused_data)
        # Padding with zeros after a member is allowed.
        while position < len(data) and data[position] == 0:
            position += 1
    return b"".join(parts), ""
