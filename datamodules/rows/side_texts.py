"""The texts of one side of the split, as an evaluation sees them: without tasks and files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from datamodules.rows.task_rows import TaskRows
from datamodules.storage.spill import take_rows
from datamodules.storage.text_columns import TextColumn


class SideTexts(NamedTuple):
    """N rows of one task, from one file, on one side of the split."""

    task: str
    input_notation: str
    output_notation: str
    inputs: TextColumn
    """Whole texts where an evaluation asks them masked."""
    outputs: TextColumn
    identities: TextColumn
    """Rows with the same identity are always on the same side of our own splits."""


def texts_by_task(parts: Sequence[TaskRows], rows: NDArray[np.int64]) -> list[SideTexts]:
    """Return the texts of some rows, one entry per part.

    Args:
        parts: Rows of one task and one file each.
        rows: (N,) row numbers, consecutive from the first part to the last.
    """
    starts = np.cumsum([0] + [len(part) for part in parts])
    found = []
    for part, start, end in zip(parts, starts[:-1], starts[1:], strict=True):
        places = rows[(rows >= start) & (rows < end)] - start
        notations = part.task.input.shown_notation, part.task.output.notation
        # Two texts with gaps may be equal although their molecules are not: what is compared are whole texts.
        inputs = part.outputs if part.task.input.mask else part.inputs
        columns = (inputs, part.outputs, part.identities)
        found.append(
            SideTexts(part.task.name, *notations, *(take_rows(column, places) for column in columns))
        )
    return found
