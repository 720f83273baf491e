"""The real rows on which a round stands: read and split as its fit does."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from cli.checks.value_check import data_flags
from cli.improving.job import Job, find_values
from configs.lookup import find_cache_root
from datamodules.rows.known_rows import KnownRows
from datamodules.rows.prepare import Prepared, prepare
from datamodules.rows.read_and_split import SplitSettings
from datamodules.rows.training_record import FILE, TrainingRecord, load_record
from datamodules.sources.tables.options import TableOptions
from datamodules.splits import TRAIN
from datamodules.storage.cache import DataCache
from datamodules.tasks import Task
from datamodules.tokens.control_tokens import ControlTokens, find_control_tokens


@dataclass(frozen=True)
class Grounds:
    """The real rows on which a round stands."""

    prepared: Prepared
    known: KnownRows
    forbidden: ControlTokens
    options: TableOptions
    rows_a_step: int

    def count_training(self, tasks: Sequence[Task]) -> dict[str, int]:
        """Return the number of training rows of each task."""
        counts = {task.name: 0 for task in tasks}
        for part, side in zip(self.prepared.parts, self.prepared.sides_by_part(), strict=True):
            counts[part.task.name] += int((side == TRAIN).sum())
        return counts


def read_grounds(job: Job) -> Grounds:
    """Read and split the real rows as the fits do."""
    from lightning_modules.decoder.decoders import load_tokenizer

    values = find_values(job)
    data = data_flags(values)
    names = {item.name for item in fields(SplitSettings)}
    settings = SplitSettings(**{name: value for name, value in data.items() if name in names})
    options = TableOptions(data.get("header", "auto"), data.get("encoding", "auto"))
    forbidden = find_control_tokens(load_tokenizer(str(job.origin.weights)), job.origin.form.chat)
    cache_dir = data.get("cache_dir")
    cache = DataCache(
        None
        if data.get("cache") is False
        else Path(cache_dir).expanduser()
        if cache_dir
        else find_cache_root()
    )
    prepared = prepare(job.origin.tasks, None, settings, forbidden, cache, options=options)
    known = KnownRows(prepared, settings, find_record(job.origin.weights))
    return Grounds(prepared, known, forbidden, options, count_rows(values))


def count_rows(values: Mapping[str, Any]) -> int:
    """Return the number of rows of an optimizer step, on all devices.

    Args:
        values: The settings of a fit by flag. Devices that Lightning chooses count as the GPUs that are there.

    Examples:
        >>> count_rows({"data.batch_size": 16, "trainer.devices": 2, "trainer.num_nodes": 3})
        96
    """
    devices = values.get("trainer.devices")
    if not isinstance(devices, int) or devices < 1:
        import torch

        listed = isinstance(devices, list) or (isinstance(devices, str) and "," in devices)
        one_by_one = devices if isinstance(devices, list) else str(devices).split(",")
        devices = len(one_by_one) if listed else max(torch.cuda.device_count(), 1)
    factors = ("data.batch_size", "trainer.accumulate_grad_batches", "trainer.num_nodes")
    return devices * math.prod(int(values.get(name) or 1) for name in factors)


def find_record(weights: Path) -> TrainingRecord | None:
    """Return what a model was trained on, which lies beside its weights or in its run's folder."""
    record = load_record(weights / FILE)
    return load_record(weights.parent / FILE) if record is None and weights.name == "hf" else record
