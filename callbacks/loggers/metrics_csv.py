"""Write metrics.csv in the run's folder; a resumed run appends to it, while Lightning's logger would delete it."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from lightning.pytorch.core.saving import save_hparams_to_yaml
from lightning.pytorch.loggers import CSVLogger
from lightning.pytorch.loggers.logger import rank_zero_experiment
from lightning.pytorch.utilities.rank_zero import rank_zero_only
from torch import Tensor

from datamodules.storage.atomic_write import whole_file


class MetricsCSV(CSVLogger):
    """Writes `<folder>/metrics.csv`, one line per logged step."""

    def __init__(self, folder: str | Path, resume: bool = False) -> None:
        """Set the folder; the first metric creates the file.

        Args:
            folder: The run's folder.
            resume: Append to an existing file instead of replacing it.
        """
        super().__init__(folder, name="", version="")
        self.resume = resume
        self.writer: _Writer | None = None

    @property
    @rank_zero_experiment
    def experiment(self) -> Any:
        """The writer; on ranks other than 0 an object that ignores everything."""
        if self.writer is None:
            self.writer = _Writer(self.log_dir)
            if self.resume and self.writer.path.is_file():
                self.writer.take_over()
            else:
                self.writer.path.unlink(missing_ok=True)
        return self.writer

    @rank_zero_only
    def finalize(self, status: str) -> None:
        """Save the remaining rows, if anything was logged."""
        if self.writer is not None:
            self.save()

    @property
    def rows(self) -> int:
        """Number of rows in the file once it is saved."""
        return int(self.experiment.rows)

    def keep(self, rows: int) -> None:
        """Keep only the first rows of a resumed file: rows after the checkpoint will be logged again."""
        if self.resume:
            self.experiment.keep(rows)


class _Writer:
    """Buffers rows until they are saved, counts them, and replaces the file atomically when it must be rewritten.

    Lightning's writer empties the file before it adds a column, so a kill at that moment loses everything logged. It also
    deletes what it finds in its folder, which here is the run's folder.
    """

    def __init__(self, folder: str) -> None:
        self.folder, self.path = Path(folder), Path(folder) / "metrics.csv"
        self.columns: list[str] = []
        self.rows = 0
        self._unsaved: list[dict[str, float]] = []
        self._hparams: dict[str, Any] = {}
        self.folder.mkdir(parents=True, exist_ok=True)

    def log_hparams(self, params: dict[str, Any]) -> None:
        """Write settings to hparams.yaml in the same folder, as Lightning's writer does."""
        self._hparams.update(params)
        save_hparams_to_yaml(self.folder / "hparams.yaml", self._hparams)

    def log_metrics(self, metrics: dict[str, float], step: int | None = None) -> None:
        """Buffer a row for the next `save`."""
        row = {name: value.item() if isinstance(value, Tensor) else value for name, value in metrics.items()}
        self._unsaved.append({**row, "step": len(self._unsaved) if step is None else step})
        self.rows += 1

    def save(self) -> None:
        """Append the buffered rows; rewrite the file if they have a new column."""
        if not self._unsaved:
            return
        exists = self.path.is_file()
        columns = sorted({*self.columns, *(name for row in self._unsaved for name in row)})
        if columns != self.columns and exists:
            self._replace([_to_csv(columns, csv.DictReader(self._lines()))])
        self.columns = columns
        with self.path.open("a", encoding="utf-8", newline="") as file:
            file.write(_to_csv(columns, self._unsaved, header=not exists))
        self._unsaved = []

    def take_over(self) -> None:
        """Continue the existing file."""
        lines = self._lines()
        self.columns = next(csv.reader(lines), [])
        self.rows = max(0, len(lines) - 1)

    def keep(self, rows: int) -> None:
        """Cut the file to its header and its first rows."""
        if self.path.is_file():
            self._replace(self._lines()[: rows + 1])
            self.rows = rows

    def _lines(self) -> list[str]:
        with self.path.open(encoding="utf-8", newline="") as file:
            return file.readlines()

    def _replace(self, lines: Iterable[str]) -> None:
        with whole_file(self.path) as file:
            file.writelines(lines)


def _to_csv(columns: Sequence[str], rows: Iterable[dict[str, Any]], header: bool = True) -> str:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, fieldnames=columns)
    if header:
        writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
