from __future__ import annotations

import pytest

from callbacks.loggers.wandb_logger import DashboardLogger
from callbacks.reports.run_history import read_history, read_records
from tests.helpers.callback_stubs import finish_wandb


def test_records_that_cross_blocks_read_back(tmp_path, wandb_home):
    logger = DashboardLogger(save_dir=str(tmp_path), offline=True)
    for epoch in range(300):
        logger.log_metrics(
            {"val/loss": 1 / (epoch + 1), "epoch": epoch, "note/" + "x" * 500: 1.0}, step=epoch
        )
    [path] = finish_wandb(tmp_path)
    assert path.stat().st_size > 3 * 32 * 1024
    history, source = read_history(tmp_path)
    assert [epoch for epoch, _ in history["val/loss"]] == list(range(300))
    assert [loss for _, loss in history["val/loss"]] == pytest.approx(
        [1 / (epoch + 1) for epoch in range(300)]
    )
    assert "offline W&B run" in source
    whole = len(list(read_records(path)))
    torn = tmp_path / "torn.wandb"
    torn.write_bytes(path.read_bytes()[:50_000])
    assert 0 < len(list(read_records(torn))) < whole


def test_history_is_read_from_metrics_csv_without_wandb(tmp_path):
    (tmp_path / "metrics.csv").write_text("epoch,step,train/loss,val/loss\n0,1,2.5,\n0,2,,1.5\n")
    history, source = read_history(tmp_path)
    assert history == {"train/loss": [(0, 2.5)], "val/loss": [(0, 1.5)]}
    assert source == "metrics.csv"


def test_history_of_a_folder_without_a_run_is_an_error(tmp_path):
    with pytest.raises(ValueError, match=r"expected a run's folder .* found neither"):
        read_history(tmp_path)
    (tmp_path / "x.wandb").write_bytes(b"not one")
    with pytest.raises(ValueError, match=r"expected a \.wandb file"):
        list(read_records(tmp_path / "x.wandb"))
