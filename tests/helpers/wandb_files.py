"""Read what a run logged offline out of W&B's own file format."""

from __future__ import annotations

import json
import struct
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_BLOCK = 32 * 1024
_FILE_HEADER = 7  # `:W&B`, two magic bytes, version
_CHUNK_HEADER = struct.Struct("<IHB")  # CRC, length, kind
_FULL, _FIRST, _MIDDLE, _LAST = 1, 2, 3, 4

History = dict[str, list[tuple[float, float]]]
"""For each metric its (epoch, value) pairs, in the order logged."""


def read_records(path: Path) -> Iterator[bytes]:
    """Yield the records of a `.wandb` file (a LevelDB log of protocol buffers); an incomplete end is ignored.

    Raises:
        ValueError: If the file is not a `.wandb` file.
    """
    data = path.read_bytes()
    if not data.startswith(b":W&B"):
        raise ValueError(
            f"{path}: expected a .wandb file of an offline W&B run, but it begins with {data[:4]!r}."
        )
    place, record = _FILE_HEADER, b""
    while place + _CHUNK_HEADER.size <= len(data):
        left = _BLOCK - place % _BLOCK
        if left < _CHUNK_HEADER.size:
            place += left
            continue
        _, length, kind = _CHUNK_HEADER.unpack_from(data, place)
        place += _CHUNK_HEADER.size
        chunk = data[place : place + length]
        if kind not in (_FULL, _FIRST, _MIDDLE, _LAST) or len(chunk) < length:
            return
        place += length
        record = chunk if kind in (_FULL, _FIRST) else record + chunk
        if kind in (_FULL, _LAST):
            yield record


def read_wandb(path: Path) -> History:
    """Return the numbers that an offline run logged, by metric and epoch."""
    from wandb.proto.wandb_internal_pb2 import Record  # type: ignore[attr-defined]

    lines = []
    for content in read_records(path):
        record = Record()
        record.ParseFromString(content)
        if record.WhichOneof("record_type") == "history":
            items = record.history.item
            values = {item.key or "/".join(item.nested_key): json.loads(item.value_json) for item in items}
            lines.append({name: value for name, value in values.items() if isinstance(value, int | float)})
    return _by_metric(lines)


def _by_metric(lines: list[dict[str, float]]) -> History:
    history: History = defaultdict(list)
    for line in lines:
        for name, value in line.items():
            if "/" in name and "epoch" in line:
                history[name].append((line["epoch"], value))
    return dict(history)


def read_told(path: Path, kind: str) -> dict[str, Any]:
    """Return what an offline run told by key: its `config`, or its `summary`."""
    from wandb.proto.wandb_internal_pb2 import Record  # type: ignore[attr-defined]

    told: dict[str, Any] = {}
    for content in read_records(path):
        record = Record.FromString(content)
        if record.WhichOneof("record_type") == kind:
            for item in getattr(record, kind).update:
                told[item.key or "/".join(item.nested_key)] = json.loads(item.value_json)
    return told


def read_name(path: Path) -> str:
    """Return the displayed name of an offline run."""
    from wandb.proto.wandb_internal_pb2 import Record  # type: ignore[attr-defined]

    records = (Record.FromString(content) for content in read_records(path))
    return next(record.run.display_name for record in records if record.WhichOneof("record_type") == "run")
