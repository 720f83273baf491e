"""Small tables and their readers, shared by the tests of the data module and of its rows."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from datamodules.sequence_task import SequenceTaskDataModule
from datamodules.stages import SIDES
from datamodules.task_data import TaskData
from tests.helpers.tiny import make_tokenizer


def write_csv(path: Path, rows: Sequence[Sequence[str]]) -> str:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)
    return str(path)


def make_module(tokenizer: Any, source: str, **options: Any) -> SequenceTaskDataModule:
    """Return a data module over a table of words, such as the fixture `words`."""
    columns = {"input_column": "word", "output_column": "reversed"}
    return SequenceTaskDataModule(
        tokenizer, source=source, **{**columns, "format": "arrow", "batch_size": 8, **options}
    )


def prepare_data(tokenizer: Any, **options: Any) -> TaskData:
    """Return the rows and tokens of a fit."""
    data = TaskData(tokenizer, **options)
    data.prepare_sides(SIDES["fit"])
    return data


def list_places(data: TaskData) -> dict[str, NDArray[np.int64]]:
    """Return the places of the rows of each side."""
    return {side: asked.places for side, asked in data.sides.items()}


def prepare_words(tokenizer: Any, source: str, **options: Any) -> TaskData:
    """Return the rows and tokens of a fit on a table of words."""
    columns = {"input_column": "word", "output_column": "reversed"}
    return prepare_data(tokenizer, source=source, **{**columns, "format": "arrow", **options})


def write_and_prepare(path: Path, text: str, **options: Any) -> TaskData:
    """Write a table of molecules and names, and return the rows and tokens of a fit on it."""
    path.write_text(text, encoding="utf-8")
    options = {"input_column": "smiles", "output_column": "name", "format": "arrow", **options}
    return prepare_data(make_tokenizer(), source=str(path), max_length=100, **options)


def attach_trainer(
    data: SequenceTaskDataModule, folder: Path, world_size: int = 1, rank: int = 0, device: str = "cpu"
) -> None:
    """Attach a stub trainer of some rank to a data module."""
    data.trainer = SimpleNamespace(
        world_size=world_size,
        global_rank=rank,
        is_global_zero=rank == 0,
        default_root_dir=str(folder),
        limit_train_batches=1.0,
        strategy=SimpleNamespace(root_device=torch.device(device)),
    )  # type: ignore[assignment]
