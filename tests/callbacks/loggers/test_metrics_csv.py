from __future__ import annotations

import csv
from pathlib import Path

import pytest

from callbacks.loggers.metrics_csv import MetricsCSV


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


def test_what_was_logged_after_the_checkpoint_is_dropped_and_comes_again_once(tmp_path: Path) -> None:
    logger = MetricsCSV(tmp_path)
    for step in range(3):
        logger.log_metrics({"loss": float(step)}, step)
    logger.save()
    kept = logger.rows
    logger.log_metrics({"loss": 3.0, "new": 1.0}, 3)
    logger.save()
    with (tmp_path / "metrics.csv").open("a") as file:
        file.write("torn,li")
    again = MetricsCSV(tmp_path, resume=True)
    again.keep(kept)
    assert again.rows == 3
    again.log_metrics({"loss": 3.0, "new": 1.0}, 3)
    again.save()
    with (tmp_path / "metrics.csv").open(newline="") as file:
        assert [row["loss"] for row in csv.DictReader(file)] == ["0.0", "1.0", "2.0", "3.0"]
    assert again.rows == 4


def test_a_new_run_from_an_old_checkpoint_keeps_nothing_of_it(tmp_path: Path) -> None:
    assert len(write(tmp_path, {"loss": 2.0}, 1)) == 1
    logger = MetricsCSV(tmp_path)
    logger.keep(1)
    assert logger.rows == 0


def test_a_kill_while_a_column_is_added_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, {"loss": 2.0}, 1)

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("os.replace", die)
    with pytest.raises(KeyboardInterrupt):
        write(tmp_path, {"other": 3.0}, 2, resume=True)
    assert "2.0" in (tmp_path / "metrics.csv").read_text()
