"""Read the metrics that a run logged, from its offline W&B file or from metrics.csv."""

from __future__ import annotations

import csv
import json
import struct
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

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


def read_metrics_csv(path: Path) -> History:
    """Return the numbers in the metrics.csv of Lightning's CSVLogger, by metric and epoch."""
    with path.open(newline="", encoding="utf-8") as file:
        return _by_metric(
            {name: float(cell) for name, cell in line.items() if cell} for line in csv.DictReader(file)
        )


def _by_metric(lines: Iterator[dict[str, float]] | list[dict[str, float]]) -> History:
    history: History = defaultdict(list)
    for line in lines:
        for name, value in line.items():
            if "/" in name and "epoch" in line:
                history[name].append((line["epoch"], value))
    return dict(history)


def read_history(run: Path) -> tuple[History, str]:
    """Return what the run in folder `run` logged, and the name of the file that holds it.

    A resumed W&B run has several files; they are read in the order of their folders' dates.

    Raises:
        ValueError: If the folder holds neither an offline W&B run nor a metrics.csv.
    """
    merged: History = defaultdict(list)
    offline = sorted(run.glob("wandb/offline-run-*/run-*.wandb"))
    for path in offline:
        for name, points in read_wandb(path).items():
            merged[name] += points
    if merged:
        return dict(merged), f"{offline[-1].name} (offline W&B run)"
    files = sorted(run.glob("**/metrics.csv"))
    if files:
        return read_metrics_csv(files[-1]), files[-1].name
    raise ValueError(
        f"{run}: expected a run's folder with wandb/offline-run-*/*.wandb or a metrics.csv, but found neither."
    )
