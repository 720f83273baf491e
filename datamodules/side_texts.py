"""The texts of one side of the split, task by task: what an evaluation compares its rows with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from datamodules.columns import TextColumn
from datamodules.task_rows import TaskRows


class SideTexts(NamedTuple):
    """N rows of one task on one side of the split."""

    task: str
    input_notation: str
    output_notation: str
    inputs: TextColumn
    outputs: TextColumn


def collect_texts(
    parts: Sequence[TaskRows], starts: NDArray[np.int64], rows: NDArray[np.int64]
) -> list[SideTexts]:
    """Return the texts of some rows.

    Args:
        parts: Each task's rows (a task may have several parts, one a file).
        starts: (len(parts) + 1,) the number of each part's first row, and how many there are.
        rows: (N,) row numbers over all parts.
    """
    of = np.searchsorted(starts, rows, side="right") - 1
    found = []
    for number, part in enumerate(parts):
        places = rows[of == number] - starts[number]
        sides = part.task.input.notation, part.task.output.notation
        found.append(SideTexts(part.task.name, *sides, part.inputs.take(places), part.outputs.take(places)))
    return found
