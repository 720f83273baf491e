"""The texts of one side of the split, as an evaluation sees them: it knows nothing of tasks and files."""

from __future__ import annotations

from typing import NamedTuple

from datamodules.storage.text_columns import TextColumn


class SideTexts(NamedTuple):
    """N rows of one task on one side of the split, or of one file of it."""

    task: str
    input_notation: str
    output_notation: str
    inputs: TextColumn
    outputs: TextColumn
