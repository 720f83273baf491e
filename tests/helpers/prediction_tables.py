"""Tables of predictions in runs' folders, as `test` writes them, for comparisons of runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from configs.yaml_text import write_yaml
from datamodules.storage.safe_csv import write_csv


def write_answers(
    run: Path,
    right: Sequence[bool],
    *,
    valid: Sequence[bool] | None = None,
    settings: Mapping[str, Any] | None = None,
    side: str = "test",
    epoch: int = 3,
    start: int = 0,
) -> Path:
    """Write a table of a task `name` with a row a verdict; return the run's folder.

    Args:
        run: The run's folder.
        right: Whether each answer is its target.
        valid: Whether each answer is valid; by default all are.
        settings: The run's configuration; without it the folder has none.
        side: The folder of the table in the run's.
        epoch: The epoch in the table's name.
        start: The number of the first row.
    """
    lines = []
    for place, exact in enumerate(right):
        well = exact or valid is None or valid[place]
        lines.append({
            "row": place, "task": "name", "input": f"C{start + place}", "target": f"t{start + place}",
            "prediction": f"t{start + place}" if exact else "x" if well else "((",
            "verdict": "exact" if exact else "wrong" if well else "invalid", "same_string": str(exact).lower(),
        })  # fmt: skip
    write_csv(run / side / "predictions" / f"{side.strip('.') or 'val'}_epoch_{epoch}.csv", list(lines[0]), lines)  # fmt: skip
    if settings is not None:
        (run / "config.yaml").write_text(write_yaml({"name": run.name, **settings}))
    return run
