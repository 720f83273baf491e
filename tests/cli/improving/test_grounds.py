from __future__ import annotations

from pathlib import Path

import pytest

from cli.improving.grounds import count_rows, find_record, read_grounds
from datamodules.rows.side_texts import SideTexts
from datamodules.rows.training_record import FILE, record_rows
from datamodules.splits import TRAIN, split_by_hash
from datamodules.storage.text_columns import TextColumn
from tests.helpers.improving import make_job, write_run


def test_real_rows_are_split_as_the_run_split_them(tmp_path: Path) -> None:
    write_run(tmp_path)
    job = make_job(tmp_path, flags=("--trainer.accumulate_grad_batches", "3"))
    grounds = read_grounds(job)
    sides = split_by_hash([f"ball {number}" for number in range(60)], 0.2, 0.2)
    assert grounds.count_training(job.origin.tasks) == {"question_to_answer": int((sides == TRAIN).sum())}
    assert len(grounds.known.held_out) == int((sides != TRAIN).sum())
    assert grounds.rows_a_step == 24


def test_what_a_model_was_trained_on_lies_in_its_run_or_beside_its_weights(tmp_path: Path) -> None:
    run = write_run(tmp_path)
    assert find_record(run / "hf") is None
    record = record_rows([SideTexts("t", "text", "text", *[TextColumn.of(["a"])] * 3)])
    record.save(run / FILE)
    assert find_record(run / "hf") is not None
    record.save(tmp_path / "alone" / FILE)
    assert find_record(tmp_path / "alone") is not None


@pytest.mark.parametrize(
    ("devices", "rows"), [(1, 8), (3, 24), ([0, 2], 16), ("0,1", 16), ("auto", 40), (-1, 40), (None, 40)]
)
def test_a_step_has_the_rows_of_all_devices(
    monkeypatch: pytest.MonkeyPatch, devices: object, rows: int
) -> None:
    monkeypatch.setattr("torch.cuda.device_count", lambda: 5)
    values = {"data.batch_size": 4, "trainer.accumulate_grad_batches": 2, "trainer.devices": devices}
    assert count_rows(values) == rows
