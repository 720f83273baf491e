"""Keep prepared data between runs: memory-mapped files, one folder per key.

A key names everything that the result depends on, so an entry never changes: it is valid, or it is damaged and rebuilt.
An entry is written to a temporary folder and then renamed, so that concurrent runs cannot disturb each other: the first
one to finish wins, and all write the same content.
"""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
import tempfile
import time
import zlib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from datamodules.storage import spill

log = logging.getLogger(__name__)

LEAST_ROWS = 10_000
"""Preparing a smaller table takes less time than importing PyTorch, so a single process does not cache it."""
_MANIFEST = "manifest.json"
_STALE_SECONDS = 86_400  # an unfinished folder this old is from a killed run
_BLOCK = 1 << 24


@dataclass
class Payload:
    """The content of an entry."""

    arrays: dict[str, NDArray[Any]] = field(default_factory=dict)
    """Numbers, one `.npy` file each."""
    texts: dict[str, pa.LargeStringArray] = field(default_factory=dict)
    """Strings, one Arrow file each."""
    facts: dict[str, Any] = field(default_factory=dict)
    """Small values that JSON can hold."""


def digest(key: Mapping[str, Any]) -> str:
    """Return the hash of a key's JSON, which names its entry."""
    text = json.dumps(key, sort_keys=True, ensure_ascii=True)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


class DataCache:
    """The entries of one folder.

    Args:
        folder: Folder of the entries; None disables the cache. An unwritable folder is reported once, then ignored.
    """

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder
        self.least_rows = LEAST_ROWS
        """Rows of the smallest table worth caching; callers of `save` check it."""
        self.kept_bytes = 0
        """Bytes that this run has added."""

    def load(self, kind: str, key: Mapping[str, Any]) -> Payload | None:
        """Return an entry, or None if it is missing or damaged.

        Args:
            kind: Kind of entry, the first part of its folder's name.
            key: Everything that the content depends on.
        """
        if self.folder is None:
            return None
        place = self._place(kind, key)
        if not place.exists():
            return None
        try:
            return _read(place, key)
        except (
            OSError,
            ValueError,
            KeyError,
            TypeError,
            AttributeError,
            RecursionError,
            pa.ArrowException,
        ) as error:
            log.warning(
                "The cache entry %s cannot be used (%s: %s); it is rebuilt.",
                place,
                type(error).__name__,
                error,
            )
            self._discard(place)
            return None

    def save(self, kind: str, key: Mapping[str, Any], payload: Payload) -> None:
        """Write an entry; if the folder is unwritable or the disk is full, only the entry is lost."""
        if self.folder is None:
            return
        place = self._place(kind, key)
        unfinished = None
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._sweep()
            unfinished = Path(tempfile.mkdtemp(prefix=".unfinished-", dir=self.folder))
            size = _write(unfinished, key, payload)
            unfinished.rename(place)
            self.kept_bytes += size
        except OSError as error:
            if not place.exists():  # else another run was first, and its entry is equal
                log.warning(
                    "Cannot cache in %s (%s): the next run prepares its data again.", self.folder, error
                )
                self.folder = None
        finally:
            if unfinished is not None:
                shutil.rmtree(unfinished, ignore_errors=True)

    def keep(self, kind: str, key: Mapping[str, Any], payload: Payload, rows: int) -> Payload:
        """Write an entry, and return the content to go on with: of a large table the entry's files in place of scratch files.

        Args:
            kind: As for `save`.
            key: As for `save`.
            payload: The content.
            rows: Rows of the table.
        """
        self.save(kind, key, payload)
        return (self.load(kind, key) if rows > spill.BLOCK else None) or payload

    def _place(self, kind: str, key: Mapping[str, Any]) -> Path:
        assert self.folder is not None
        return self.folder / f"{kind}-{digest(key)}"

    def _discard(self, place: Path) -> None:
        """Remove a damaged entry; renaming it first is safe whatever another run does with it meanwhile."""
        with suppress(OSError):
            away = Path(tempfile.mkdtemp(prefix=".unfinished-", dir=self.folder))
            place.rename(away / place.name)
            shutil.rmtree(away, ignore_errors=True)

    def _sweep(self) -> None:
        """Remove the unfinished folders of killed runs."""
        assert self.folder is not None
        for folder in self.folder.glob(".unfinished-*"):
            with suppress(OSError):
                if time.time() - folder.stat().st_mtime > _STALE_SECONDS:
                    shutil.rmtree(folder, ignore_errors=True)


def _write(folder: Path, key: Mapping[str, Any], payload: Payload) -> int:
    """Write an entry's files and return their size in bytes."""
    files: dict[str, dict[str, int]] = {}
    for name, array in payload.arrays.items():
        np.save(folder / f"{name}.npy", array, allow_pickle=False)
    for name, texts in payload.texts.items():
        table = pa.table({"text": texts})
        with (
            pa.OSFile(str(folder / f"{name}.arrow"), "wb") as sink,
            pa.ipc.new_file(sink, table.schema) as writer,
        ):
            writer.write_table(table)
    for path in sorted(folder.iterdir()):
        files[path.name] = {"size": path.stat().st_size, "crc32": _checksum(path)}
    manifest = {"key": key, "facts": payload.facts, "files": files}
    (folder / _MANIFEST).write_text(
        json.dumps({**manifest, "crc32": _checksum_of(manifest)}), encoding="utf-8"
    )
    return sum(entry["size"] for entry in files.values())


def _read(folder: Path, key: Mapping[str, Any]) -> Payload:
    """Return an entry's content as memory-mapped files.

    Raises:
        ValueError: If anything differs from what was written.
        OSError: If a file is missing.
    """
    manifest = json.loads((folder / _MANIFEST).read_text(encoding="utf-8"))
    checksum = manifest.pop("crc32")
    if checksum != _checksum_of(manifest):
        raise ValueError(f"{_MANIFEST} was changed")
    if manifest["key"] != json.loads(json.dumps(key)):
        raise ValueError(f"{_MANIFEST} belongs to another key")
    payload = Payload(facts=manifest["facts"])
    for name, entry in manifest["files"].items():
        path = folder / Path(name).name
        if path.stat().st_size != entry["size"] or _checksum(path) != entry["crc32"]:
            raise ValueError(f"{name} is damaged")
        if path.suffix == ".npy":
            payload.arrays[path.stem] = np.load(path, mmap_mode="r", allow_pickle=False)
        else:
            batches = pa.ipc.open_file(pa.memory_map(str(path))).read_all().column("text")
            payload.texts[path.stem] = (
                batches.chunk(0) if batches.num_chunks else pa.array([], pa.large_string())
            )
    return payload


def _checksum_of(manifest: Mapping[str, Any]) -> int:
    return zlib.crc32(json.dumps(manifest, sort_keys=True).encode())


def _checksum(path: Path) -> int:
    """Return a file's CRC-32, at a gigabyte per second. It finds damage but does not protect against malice.

    The file is not mapped, since its pages would count as this process's memory.
    """
    value = 0
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            value = zlib.crc32(block, value)
    return value
