"""Read anybody's table: csv, tsv, jsonl (each also gzipped) or parquet, without losing or crashing on a row.

A row that cannot be used is set aside with its line and the reason; kept + set aside = all rows. A file that cannot be read
at all (no header, no such format) is a ValueError. Text is UTF-8 with or without a byte order mark and with any line ends.
"""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import NamedTuple

from datamodules.sources.rows import Rows, SetAside, shown
from datamodules.sources.tables import delimited, jsonl, parquet

TEXT_SUFFIXES = (".csv", ".tsv", ".jsonl")
SUFFIXES = (*TEXT_SUFFIXES, *(f"{suffix}.gz" for suffix in TEXT_SUFFIXES), ".parquet")
_PIECE = 1 << 12
# A NUL stands as this character while a text is read; `surrogateescape` makes U+DC80 to U+DCFF of bad bytes only.
_NUL = "\udc00"


class Text(NamedTuple):
    """The text of a file and, where it was cut off, the row that marks the place."""

    text: str
    clean: bool
    cut: SetAside | None


def load(path: Path) -> Rows:
    """Return the rows of a file.

    Args:
        path: A .csv, .tsv, .jsonl (each also .gz) or .parquet file.

    Raises:
        ValueError: If the file is missing, empty, without a usable header, or of another format.
    """
    name = path.name.lower()
    kind = name.removesuffix(".gz")
    if not name.endswith(SUFFIXES):
        raise ValueError(f"{path}: expected a file that ends in {', '.join(SUFFIXES)}.")
    if not path.is_file():
        raise ValueError(
            f"{path}: expected a file, but there is none: check --data.source and the working folder."
        )
    if path.stat().st_size == 0:
        raise ValueError(f"{path}: expected a table, but the file is empty.")
    if name.endswith(".parquet"):
        return parquet.read(path)
    text = _read_text(path, gzipped=name.endswith(".gz"))
    if kind.endswith(".jsonl"):
        rows = jsonl.read(str(path), text.text, text.clean)
    else:
        rows = delimited.read(str(path), text.text, _delimiter(kind, text.text), text.clean)
    if text.cut is None:
        return rows
    return Rows(rows.table, rows.lines, rows.file, [*rows.set_aside, text.cut], rows.verified, rows.total + 1)


def _delimiter(kind: str, text: str) -> str:
    """Return what stands between cells; a csv whose header has semicolons and no comma is of a European spreadsheet."""
    header = text.partition("\n")[0]
    return "\t" if kind.endswith(".tsv") else ";" if ";" in header and "," not in header else ","


def _read_text(path: Path, gzipped: bool) -> Text:
    """Return the text of a file, decompressed, with line feeds as line ends and bad bytes as lone surrogates."""
    data, problem = path.read_bytes(), ""
    if gzipped:
        data, problem = inflate(data)
        if not data or (problem and b"\n" not in data and b"\r" not in data):
            raise ValueError(
                f"{path}: expected gzipped text, but {problem or 'it is empty'}: copy or compress it again."
            )
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise ValueError(f"{path}: expected UTF-8, but this is UTF-16: save the file as UTF-8.")
    data = data.removeprefix(b"\xef\xbb\xbf")
    clean = b"\0" not in data
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        clean = False
        text = data.decode("utf-8", errors="surrogateescape")
    if not clean:
        text = text.replace("\0", _NUL)
    text = text.replace("\r\n", "\n")
    if "\n" not in text:
        text = text.replace("\r", "\n")  # the line ends of old Macs
    if not problem:
        return Text(text, clean, None)
    # The last line may be half a row that looks like a whole one.
    whole, _, last = text.rpartition("\n")
    whole += "\n" if whole else ""
    return Text(whole, clean, SetAside(str(path), whole.count("\n") + 1, problem, shown(last)))


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
