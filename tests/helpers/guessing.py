"""Tables whose columns are guessed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from datamodules.sequence_task import SequenceTaskDataModule
from tests.helpers.tiny import make_tokenizer

SMILES = ["CCO", "CC(C)O", "c1ccccc1", "CC(=O)O", "OCC", "CCCl", "C", "CN"]


def make(path: Path, **options: Any) -> SequenceTaskDataModule:
    """Return the data of a table with the columns `a` and `b`."""
    return SequenceTaskDataModule(
        make_tokenizer(), source=str(path), max_length=100, val_fraction=0.0, test_fraction=0.0,
        **{"input_column": "a", "output_column": "b", "format": "arrow", **options},
    )  # fmt: skip
