"""metrics.csv in the run's folder; a resumed run adds to it, where Lightning's logger would delete it."""

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
    """Writes `<folder>/metrics.csv`, a line for each logged step."""

    def __init__(self, folder: str | Path, resume: bool = False) -> None:
        """Keep the folder; the file is begun with the first metric.

        Args:
            folder: The run's folder.
            resume: Go on with an existing file instead of beginning anew.
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
        """Save what is left, if anything was logged."""
        if self.writer is not None:
            self.save()

    @property
    def rows(self) -> int:
        """How many rows the file holds, once it is saved."""
        return int(self.experiment.rows)

    def keep(self, rows: int) -> None:
        """Drop all but the first rows from a file that is gone on with: what was logged after the checkpoint comes again."""
        if self.resume:
            self.experiment.keep(rows)


class _Writer:
    """Keeps rows until they are saved, counts them, and replaces the file as a whole where it has to be written anew.

    Lightning's own empties the file before it adds a column, so that a kill then loses all that was logged, and deletes
    what it finds in the folder, which here is the run's.
    """

    def __init__(self, folder: str) -> None:
        self.folder, self.path = Path(folder), Path(folder) / "metrics.csv"
        self.columns: list[str] = []
        self.rows = 0
        self._unsaved: list[dict[str, float]] = []
        self._hparams: dict[str, Any] = {}
        self.folder.mkdir(parents=True, exist_ok=True)

    def log_hparams(self, params: dict[str, Any]) -> None:
        """Write settings beside the file, as Lightning's does."""
        self._hparams.update(params)
        save_hparams_to_yaml(self.folder / "hparams.yaml", self._hparams)

    def log_metrics(self, metrics: dict[str, float], step: int | None = None) -> None:
        """Keep a row for the next `save`."""
        row = {name: value.item() if isinstance(value, Tensor) else value for name, value in metrics.items()}
        self._unsaved.append({**row, "step": len(self._unsaved) if step is None else step})
        self.rows += 1

    def save(self) -> None:
        """Append the rows since the last time; with a new column among them the file is written anew."""
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
        """Go on with the file that is there."""
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
