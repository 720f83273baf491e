"""metrics.csv in the run's folder; a resumed run adds to it, where Lightning's logger would delete it."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

from lightning.pytorch.loggers import CSVLogger
from lightning.pytorch.loggers.csv_logs import ExperimentWriter
from lightning.pytorch.loggers.logger import rank_zero_experiment


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
                with path.open(newline="", encoding="utf-8") as file:
                    self._experiment.metrics_keys = list(next(csv.reader(file), []))
            else:
                path.unlink(missing_ok=True)
        return self._experiment


class _Writer(ExperimentWriter):
    def _check_log_dir_exists(self) -> None:
        """The folder is the run's own and holds other files, too: nothing to warn of, nothing to delete."""
