from __future__ import annotations

import csv
from pathlib import Path

from callbacks.metrics_csv import MetricsCSV


def write(folder: Path, metrics: dict[str, float], step: int, resume: bool = False) -> list[dict[str, str]]:
    logger = MetricsCSV(folder, resume=resume)
    logger.log_metrics(metrics, step)
    logger.save()
    with (folder / "metrics.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_resumed_run_adds_to_the_file_and_a_new_one_begins_it(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("kept")
    write(tmp_path, {"loss": 2.0}, 1)
    rows = write(tmp_path, {"loss": 1.0, "other": 3.0}, 2, resume=True)
    assert [(row["step"], row["loss"], row["other"]) for row in rows] == [
        ("1", "2.0", ""),
        ("2", "1.0", "3.0"),
    ]
    rows = write(tmp_path, {"loss": 5.0}, 1)
    assert [row["loss"] for row in rows] == ["5.0"]
    assert (tmp_path / "config.yaml").read_text() == "kept"


def test_resuming_without_a_file_begins_one(tmp_path: Path) -> None:
    assert len(write(tmp_path / "new", {"loss": 1.0}, 0, resume=True)) == 1
