"""A source of several files, or of one that is not on this machine: a folder, a glob, an address that fsspec knows.

The files are read in the order of their names, as if they were one table. Those of an address are copied to the caches' folder
once; a copy is used as long as the address says that its file is the same (by size, date or ETag, whatever it tells). Where it
tells nothing, they are copied each time.
"""

from __future__ import annotations

import glob
import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from configs.lookup import find_cache_root
from datamodules.sources.rows import Rows, SetAside
from datamodules.sources.tables.file_lines import LARGE
from datamodules.sources.tables.read import SUFFIXES
from datamodules.storage.cache_keys import hash_file
from datamodules.storage.spill import TableSpill

_VERSION = ("size", "ETag", "Last-Modified", "LastModified", "mtime", "Content-MD5", "Digest")
"""What file systems tell of a file that differs when the file does."""

_DEEPEST = 4
"""Levels of an address's folder in which tables are looked for, since each folder is a request."""
_WEB = ("http://", "https://")


class NoTables(ValueError):
    """A mistake in a source's name."""


def is_address(name: str) -> bool:
    """Return whether a source is an address for fsspec.

    Examples:
        >>> is_address("s3://bucket/shards/*.parquet"), is_address("hf://datasets/a/b/c.csv"), is_address("c.csv")
        (True, False, False)
    """
    return "://" in name and not name.startswith("hf://")


def names_many(name: str) -> bool:
    """Return whether a source is a folder, a glob or an address, and not one file on this machine or a built-in name."""
    path = Path(name).expanduser()
    return is_address(name) or path.is_dir() or (glob.has_magic(name) and not path.is_file())


def _strip_query(file: str) -> str:
    """Return a file's name, without what follows the path in an address of the web.

    Examples:
        >>> _strip_query("https://host/t.csv?download=1"), _strip_query("bucket/a#1.csv")
        ('https://host/t.csv', 'bucket/a#1.csv')
    """
    return re.split("[?#]", file, maxsplit=1)[0] if file.startswith(_WEB) else file


def _is_table(file: str) -> bool:
    return _strip_query(file).lower().endswith(SUFFIXES)


def _find_ending(table: str) -> str:
    return max((end for end in SUFFIXES if _strip_query(table).lower().endswith(end)), key=len)


class SourceFile(NamedTuple):
    """A file of a source."""

    name: str
    """For people: its path, or its address."""
    path: Path
    """On this machine."""


def find_files(name: str) -> list[SourceFile]:
    """Return the files of a source that `names_many`, in the order of their names; those of an address are fetched.

    Raises:
        ValueError: If there is none, their endings differ, a glob is none, or an address cannot be read.
    """
    if is_address(name):
        return _fetch_all(name)
    path = Path(name).expanduser()
    below = None
    if path.is_dir():
        found = [str(file) for file in path.iterdir() if file.is_file()]
        below = _find_below(os.walk(path))
    else:
        if any("**" in part and part != "**" for part in path.parts):
            raise NoTables(
                f"Expected '**' to stand alone between slashes, but got {name!r}: write '**/*', as in 'folder/**/*.csv'."
            )
        found = list({file for file in glob.iglob(str(path), recursive=True) if os.path.isfile(file)})
    return [SourceFile(file, Path(file)) for file in _choose(name, found, path.is_dir(), below)]


def _find_below(tree: Iterable[tuple[str, list[str], list[str]]]) -> str | None:
    """Return a table of the subfolders of what `os.walk` gives, hidden ones and such as _temporary left out, or None."""
    top = None
    for folder, below, files in tree:
        below[:] = sorted(name for name in below if not name.startswith((".", "_")))
        if top is None:
            top = folder
        elif not re.search(r"/[._]", folder[len(top.rstrip("/")) :].replace(os.sep, "/")):
            tables = [file for file in files if _is_table(file) and not file.startswith((".", "_"))]
            if tables:
                return f"{folder.rstrip('/')}/{min(tables)}"
    return None


def _choose(name: str, files: Sequence[str], whole_folder: bool, below: str | None) -> list[str]:
    """Return the tables among some files, by name; hidden files and such as _SUCCESS are none.

    Args:
        name: The source.
        files: All that it may be.
        whole_folder: Whether it is a folder.
        below: A table in a subfolder of it, if there is one.

    Raises:
        ValueError: If there is none, their endings differ, or subfolders hold some, too.
    """
    if below is not None:
        top, ending = name.rstrip("/"), _find_ending(below)
        alone = f"'{top}/*{ending}' to read without them, or " if any(map(_is_table, files)) else ""
        raise NoTables(
            f"Expected a table, or a folder that holds tables itself, but {name!r} is a folder; subfolders hold some "
            f"({below}): name {alone}'{top}/**/*{ending}' to read all of them."
        )
    shown = [file for file in files if not os.path.basename(_strip_query(file)).startswith((".", "_"))]
    tables = sorted(file for file in shown if _is_table(file))
    if not tables:
        others = f" (there are {', '.join(sorted(map(os.path.basename, shown))[:3])})" if shown else ""
        if whole_folder:
            raise NoTables(
                f"Expected a table, but {name!r} is a folder; it holds none ({', '.join(SUFFIXES)}){others}."
            )
        raise NoTables(
            f"No source {name!r}: no table ({', '.join(SUFFIXES)}) has this name{others}: check it and the working folder."
        )
    endings = sorted({_find_ending(file) for file in tables})
    if len(endings) > 1:
        raise NoTables(
            f"Expected the source {name!r} to be files of one kind, but they end in {', '.join(endings)}: name one kind, "
            f"as in '*{endings[0]}'."
        )
    return tables


def _fetch_all(address: str) -> list[SourceFile]:
    """Return local copies of an address's files, each fetched once.

    Raises:
        ValueError: If the address cannot be read, or there is no table.
    """
    import fsspec

    try:
        system, path = fsspec.core.url_to_fs(address)
        if _is_glob(system, path):
            files, whole_folder = system.glob(path), False
        else:
            # On the web any address may list others: to know, fsspec would load all of it.
            whole_folder = not (path.startswith(_WEB) and _is_table(path)) and system.isdir(path)
            files = system.ls(path, detail=False) if whole_folder else [path] * system.exists(path)
        below = _find_below(system.walk(path, maxdepth=_DEEPEST)) if whole_folder else None
        found = _choose(address, [file for file in files if system.isfile(file)], whole_folder, below)
        return [SourceFile(system.unstrip_protocol(file), _fetch(system, file)) for file in found]
    except NoTables:
        raise
    # The errors of file systems, of their HTTP libraries and of missing packages have no common class.
    except Exception as error:
        raise ValueError(_unreadable(address, error)) from error


def check_protocol(address: str) -> None:
    """Check that fsspec knows an address's protocol and has its package; nothing is fetched.

    Raises:
        ValueError: If it does not know it, or the package is missing.
    """
    from fsspec.registry import get_filesystem_class, known_implementations

    # Of a chain such as zip://a.csv::s3://bucket/b.zip, each link has its own; a link without one is a path.
    links = [link.partition("://") for link in address.split("::")]
    try:
        for protocol, mark, _ in links:
            if mark or protocol in known_implementations:
                get_filesystem_class(protocol)
    except (ValueError, ImportError) as error:
        raise ValueError(_unreadable(address, error)) from error


def _unreadable(address: str, error: Exception) -> str:
    return (
        f"Could not read {address!r}: {type(error).__name__}: {error}. Check the address, the network and your rights, or "
        "copy the files yourself and give their folder."
    )


def _is_glob(system: Any, path: str) -> bool:
    """Return whether a path at an address is a glob; one with `?` may also be a file's name, and on the web has a query."""
    if path.startswith(_WEB):
        return glob.has_magic(_strip_query(path))
    return glob.has_magic(path) and not ("?" in path and system.exists(path))


def _fetch(system: Any, file: str) -> Path:
    """Return a file's local copy; a file on this machine is its own."""
    protocols = system.protocol if isinstance(system.protocol, (tuple, list)) else (system.protocol,)
    if "file" in protocols or "local" in protocols:
        return Path(file)
    info = system.info(file)
    told = {key: str(info[key]) for key in _VERSION if info.get(key) is not None}
    # fsspec's own key takes files behind HTTP for unchanging ones; those of other systems may know more than these facts.
    described = f"{protocols[0]}\n{file}\n{system.ukey(file)}\n{told}"
    root = find_cache_root() or Path(tempfile.gettempdir()) / "patois"
    folder = root / "copies" / hashlib.blake2b(described.encode(), digest_size=16).hexdigest()
    place = folder / os.path.basename(_strip_query(file))
    if not place.is_file() or ("http" in protocols and not told):
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".unfinished-", dir=folder) as unfinished:
            part = Path(unfinished) / "part"
            with system.open(file, "rb") as source, part.open("wb") as copy:
                shutil.copyfileobj(source, copy, 1 << 20)
            part.replace(place)
    return place


def load_many(name: str, read: Callable[[Path], Rows]) -> Rows:
    """Return the rows of all files of a source, file after file.

    The line of a row counts on from file to file. What a file's reader sets aside has the file's own name and line.

    Args:
        name: A source that `names_many`.
        read: Reads one file.

    Raises:
        ValueError: If there is no file, or one lacks a column that the first one has, or the other way round.
    """
    files = find_files(name)
    whole: TableSpill | None = None
    lines, aside, notes, total, last = [], list[SetAside](), dict[str, None](), 0, 0
    large = sum(file.path.stat().st_size for file in files) >= LARGE
    for file in files:
        rows = read(file.path)
        if whole is None:
            whole = TableSpill(rows.table.schema, in_memory=not large)
        whole.add(_fit(rows.table, whole.schema, files[0].name, file.name))
        lines.append(rows.lines + last)
        aside += [replace(row, file=file.name) for row in rows.set_aside]
        notes |= dict.fromkeys(rows.notes)  # each note once
        total += rows.total
        last += max([int(rows.lines.max(initial=0)), *(row.line for row in rows.set_aside)])
    assert whole is not None, "there is a file"
    return Rows(whole.finish(), np.concatenate(lines), name, aside, False, total, tuple(notes))


def _fit(table: pa.Table, schema: pa.Schema, first: str, file: str) -> pa.Table:
    """Return a file's table with the columns of the first one in their order.

    Raises:
        ValueError: If the columns differ.
    """
    if table.schema == schema:
        return table
    if sorted(table.column_names) != sorted(schema.names):
        raise ValueError(
            f"Expected all files of a source to have the same columns, but {first} has {', '.join(schema.names)} and "
            f"{file} has {', '.join(table.column_names)}: rename them, or leave the file out."
        )
    try:
        return table.select(schema.names).cast(schema)
    except pa.ArrowException as error:
        raise ValueError(
            f"Expected all files of a source to hold the same kinds of cells, but {file} differs from {first}: {error}."
        ) from error


def hash_many(name: str) -> str:
    """Return the hash of the content of all files of a source in their order, with their ending."""
    files = find_files(name)
    state = hashlib.blake2b(digest_size=16)
    for file in files:
        state.update(f"{hash_file(file.path)}\n".encode())
    return f"{''.join(files[0].path.suffixes[-2:]).lower()} {len(files)} files {state.hexdigest()}"
