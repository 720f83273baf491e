"""metrics.csv in the run's folder; a resumed run adds to it, where Lightning's logger would delete it."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from lightning.pytorch.loggers import CSVLogger
from lightning.pytorch.loggers.csv_logs import ExperimentWriter
from lightning.pytorch.loggers.logger import rank_zero_experiment

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

    @property
    @rank_zero_experiment
    def experiment(self) -> Any:
        """The writer; on ranks other than 0 an object that ignores everything."""
        if self._experiment is None:
            self._experiment = _Writer(self.log_dir)
            path = Path(self._experiment.metrics_file_path)
            if self.resume and path.is_file():
                self._experiment.take_over()
            else:
                path.unlink(missing_ok=True)
        return self._experiment

    @property
    def rows(self) -> int:
        """How many rows the file holds, once it is saved."""
        return int(self.experiment.rows)

    def keep(self, rows: int) -> None:
        """Drop all but the first rows from a file that is gone on with: what was logged after the checkpoint comes again."""
        if self.resume:
            self.experiment.keep(rows)


class _Writer(ExperimentWriter):
    """Lightning's, which counts its rows and replaces the file as a whole where it has to be written anew."""

    rows = 0

    def log_metrics(self, metrics_dict: dict[str, float], step: int | None = None) -> None:
        """Keep a row for the next `save`."""
        super().log_metrics(metrics_dict, step)
        self.rows += 1

    def take_over(self) -> None:
        """Go on with the file that is there."""
        lines = self._lines()
        self.metrics_keys = next(csv.reader(lines), [])
        self.rows = max(0, len(lines) - 1)

    def keep(self, rows: int) -> None:
        """Cut the file to its header and its first rows."""
        if Path(self.metrics_file_path).is_file():
            self._replace(self._lines()[: rows + 1])
            self.rows = rows

    def _lines(self) -> list[str]:
        with open(self.metrics_file_path, encoding="utf-8", newline="") as file:
            return file.readlines()

    def _replace(self, lines: Iterable[str]) -> None:
        with whole_file(Path(self.metrics_file_path)) as file:
            file.writelines(lines)

    def _rewrite_with_new_header(self, fieldnames: list[str]) -> None:
        """Add columns. Lightning's own empties the file first, so that a kill then loses all that was logged."""
        rows = list(csv.DictReader(self._lines()))
        text = io.StringIO(newline="")
        writer = csv.DictWriter(text, fieldnames=fieldnames)
        writer.writeheader()
        writer.writerows(rows)
        self._replace([text.getvalue()])

    def _check_log_dir_exists(self) -> None:
        """The folder is the run's own and holds other files, too: nothing to warn of, nothing to delete."""
