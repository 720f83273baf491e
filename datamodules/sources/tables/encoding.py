"""Which encoding the bytes of a text are in: byte order mark, strict UTF-8, else cp1252, and never in silence."""

from __future__ import annotations

import re
from typing import NamedTuple

from datamodules.sources.tables.options import AUTO

_MARKS = (
    (b"\xff\xfe\0\0", "utf-32"), (b"\0\0\xfe\xff", "utf-32"), (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"),
)  # fmt: skip
# What could be a character of UTF-8, also one that UTF-8 forbids (half of a pair); any other high byte is foreign to it.
_LIKE_UTF8 = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")
# FF is what damaged files hold; in cp1252 it is a y with two dots, the rarest letter of French.
_FOREIGN = re.compile(rb"[\x80-\xfe]")
_UNUSED_IN_CP1252 = re.compile(rb"[\x81\x8d\x8f\x90\x9d]")
_FIRST_BYTES = 1 << 16  # enough to see that every second byte is a NUL
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f]")  # no text holds these; bytes of another kind of file do
_WORD = re.compile(r"\S*[^\x00-\x7f]\S*")


class Decoded(NamedTuple):
    """The text of some bytes."""

    text: str
    """Bytes that are not of the encoding stand as lone surrogates."""
    note: str
    """Which encoding was taken where that was a decision, else an empty string."""


def decode(file: str, data: bytes, encoding: str = AUTO) -> Decoded:
    """Return the text of a file's bytes, without a byte order mark.

    Args:
        file: The name for messages.
        data: The bytes.
        encoding: `auto`, or the name of an encoding.

    Raises:
        ValueError: If the bytes are not of the encoding that was asked for, or that their byte order mark names.
    """
    found, why = (encoding, "") if encoding != AUTO else find_encoding(data)
    try:
        text = data.decode(found, errors="surrogateescape")
    except (UnicodeError, LookupError) as error:
        raise ValueError(
            f"{file}: expected text in {found}, but it cannot be read ({error}): "
            "save the file as UTF-8, or name its encoding, e.g. --data.encoding cp1252."
        ) from error
    text = text.removeprefix("\ufeff")
    if not why:
        return Decoded(text, "")
    shown = _WORD.search(text)
    example = f", e.g. {shown.group()[:40]!r}" if shown else ""
    return Decoded(text, f"read as {found} ({why}){example}; another: --data.encoding NAME")


def has_mark(data: bytes) -> bool:
    """Return whether a file's first bytes are a byte order mark."""
    return any(data.startswith(mark) for mark, _ in _MARKS)


def find_encoding(data: bytes) -> tuple[str, str]:
    """Return the encoding of a text and why it was taken; no reason where it is UTF-8, as expected.

    A file with a few broken bytes among characters of UTF-8 is broken UTF-8: its broken rows are skipped one by one.

    >>> find_encoding("Müller".encode())
    ('utf-8', '')
    >>> find_encoding("Müller".encode("cp1252"))
    ('cp1252', 'it is not UTF-8')
    """
    for mark, name in _MARKS:
        if data.startswith(mark):
            return name, "" if name == "utf-8-sig" else "by its byte order mark"
    first = data[:_FIRST_BYTES]
    half = len(first) // 2
    if half > 1:
        even, odd = first[::2].count(0), first[1::2].count(0)
        # Characters below U+0100 have a NUL as their upper byte. A NUL here and there is damage.
        if max(even, odd) > 0.4 * half and min(even, odd) < 0.05 * half:
            wide = "utf-16-le" if odd > even else "utf-16-be"
            if not _CONTROL.search(first.decode(wide, errors="ignore")):
                return wide, "every second byte is a NUL"
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        pass
    else:
        return "utf-8", ""
    like = len(_LIKE_UTF8.findall(data))
    foreign = len(_FOREIGN.findall(_LIKE_UTF8.sub(b"", data)))
    if like >= foreign:
        return "utf-8", ""
    # latin-1 has a character for each byte, cp1252 has none for five of them.
    return ("latin-1" if _UNUSED_IN_CP1252.search(data) else "cp1252"), "it is not UTF-8"
