"""One test of a model in a temporary folder, and the shares that are kept of it."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from bench.studies.cells import QUIET, TEST, run_train
from callbacks.reports.compare.answers import find_table
from callbacks.rows.outcomes import estimate_right
from datamodules.storage.safe_csv import read_csv

NAME = "once"
SHARES = ("exact_match", "right")


class Tested(NamedTuple):
    """What a test left, as long as its folder is there."""

    metrics: Mapping[str, Any]
    """Of its one task, with the share of right answers and its interval."""
    folder: Path
    """`test` in the run's folder."""

    @property
    def shares(self) -> dict[str, float]:
        """The shares of exact and right answers with their intervals."""
        return {
            f"{share}{end}": self.metrics[f"{share}{end}"]
            for share in SHARES
            for end in ("", "_low", "_high")
        }

    def table(self, name: str) -> list[dict[str, str]]:
        """Return the rows of one of its CSV files."""
        return read_csv(self.folder / f"{name}.csv")

    @property
    def predictions(self) -> list[dict[str, str]]:
        """The rows with their answers."""
        return find_table(self.folder.parent)[0]


@contextmanager
def tested(config: Path, task: str, *words: str) -> Iterator[Tested]:
    """Test a model on one task; what it left is gone afterwards.

    Args:
        config: The configuration of the task's format.
        task: The task.
        words: Further flags of `train.py test`.

    Raises:
        RuntimeError: If the test fails.
    """
    files = ("--config", str(config), "--config", str(TEST))
    with tempfile.TemporaryDirectory() as name:
        run_train(["test", *files, "--data.task", task, "--name", NAME, *words, *QUIET], Path(name))
        folder = Path(name) / "runs" / NAME
        summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
        [metrics] = summary["test"]["tasks"].values()
        yield Tested(metrics | estimate_right(metrics), folder / "test")
