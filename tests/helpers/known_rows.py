"""A table of molecules on given sides, and what it says about further rows."""

from __future__ import annotations

from pathlib import Path

from datamodules.rows.known_rows import KnownRows
from datamodules.rows.prepare import prepare
from datamodules.rows.read_and_split import SplitSettings
from datamodules.rows.side_texts import SideTexts
from datamodules.rows.training_record import record_rows
from datamodules.storage.cache import DataCache
from datamodules.storage.text_columns import TextColumn
from datamodules.tasks import Side, Task
from datamodules.tokens.control_tokens import ControlTokens
from tests.helpers.runs import PAIRS

TASK = Task("t", Side("smiles", "smiles"), Side("name"))


def make_known(folder: Path, settings: SplitSettings, record: bool = False) -> KnownRows:
    """Return what the rows of a table know whose molecules are on the sides train, test and val in turn.

    Args:
        folder: Where the table is written.
        settings: The split.
        record: Whether an earlier training had the pair (S, S).
    """
    table = folder / "real.csv"
    sides = ["train", "test", "val"]
    lines = [f"{smiles},{name},{sides[number % 3]}" for number, (smiles, name) in enumerate(PAIRS)]
    table.write_text("\n".join(["smiles,name,side", *lines]) + "\n")
    task = Task("t", TASK.input, TASK.output, source=str(table))
    prepared = prepare([task], None, settings, ControlTokens(), DataCache(None))
    earlier = SideTexts("t", "smiles", "text", *[TextColumn.of(["S"])] * 3)
    return KnownRows(prepared, settings, record_rows([earlier]) if record else None)
