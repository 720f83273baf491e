from __future__ import annotations

import json

import pytest

from callbacks.reports.page.run_files import find_tables, read_run
from tests.helpers.run_folders import ROWS, write_fit, write_test


def test_sides_are_those_that_wrote_something(tmp_path):
    run = write_fit(tmp_path / "runs" / "mine")
    assert [side.name for side in read_run(run).sides] == ["fit"]
    files = read_run(write_test(run))
    assert [(side.name, side.place) for side in files.sides] == [
        ("fit", "runs/mine"),
        ("test", "runs/mine/test"),
    ]
    assert files.place == "runs/mine"
    assert [side.predictions.total for side in files.sides] == [len(ROWS)] * 2
    assert files.has == {"checkpoints/best.ckpt", "hf"}


def test_table_of_a_fit_is_that_of_the_best_epoch(tmp_path):
    run = write_fit(tmp_path / "mine", epochs=2)
    (run / "predictions" / "val_epoch_10.csv").write_text("row,task,verdict\n")
    assert list(find_tables(run)) == [1, 10]
    assert read_run(run).sides[0].table == "predictions/val_epoch_1.csv"
    (run / "summary.json").write_text(json.dumps({"fit": {"tasks": {}}}))  # of an older version
    assert read_run(run).sides[0].table == "predictions/val_epoch_10.csv"


def test_epochs_of_a_run_without_their_file_come_from_its_metrics(tmp_path):
    run = write_fit(tmp_path / "mine")
    before = read_run(run).epochs
    (run / "epochs.csv").unlink()
    assert read_run(run).epochs == before
    assert [epoch["step"] for epoch in before] == [10, 20]


def test_folder_of_no_run_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"expected a run's folder, with a config\.yaml .* give runs/NAME"):
        read_run(tmp_path)


def test_broken_file_is_named(tmp_path):
    run = write_fit(tmp_path / "mine")
    (run / "predictions" / "val_epoch_1.csv").write_text("row,task\n1,2,3\n")
    with pytest.raises(ValueError, match=r"val_epoch_1\.csv: expected a CSV file"):
        read_run(run)
