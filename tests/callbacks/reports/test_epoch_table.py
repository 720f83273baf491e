from __future__ import annotations

from callbacks.reports.epoch_table import read_metrics, summarize_epochs, write_epochs
from datamodules.storage.safe_csv import read_csv

HEADER = (
    "epoch,lr,step,train/loss,train/rows_per_second,val/exact_match,val/t/exact_match,val/t/exact_match_high,"
)
ONE_TASK = f"""{HEADER}val/t/exact_match_low,val/loss
,0.1,9,,,,,,,
0,,9,3.0,,,,,,
0,,19,2.0,,,,,,
0,,19,,,0.5,0.5,0.7,0.3,1.5
0,,19,,40.0,,,,,
1,,29,1.0,,,,,,
"""


def test_epochs_have_the_mean_training_loss_and_the_last_of_everything_else(tmp_path):
    (tmp_path / "metrics.csv").write_text(ONE_TASK)
    write_epochs(tmp_path)
    first, second = read_csv(tmp_path / "epochs.csv")
    assert first == {
        "epoch": "0", "step": "20", "train_loss": "2.5", "val_loss": "1.5", "exact_match": "0.5", "exact_match_low": "0.3",
        "exact_match_high": "0.7", "validity": "", "rows_per_second": "40.0", "supervised_tokens_per_second": "", "seconds": "",
    }  # fmt: skip
    assert (second["epoch"], second["step"], second["train_loss"], second["val_loss"]) == (
        "1",
        "30",
        "1.0",
        "",
    )


def test_several_tasks_have_columns_of_their_own():
    of_tasks = {"val/a/exact_match": 0.2, "val/a/exact_match_low": 0.1, "val/b/exact_match": 0.6}
    lines = [{"epoch": 0, "step": 9, "val/exact_match": 0.4, **of_tasks}]
    [line] = summarize_epochs(lines)
    assert (line["exact_match"], line["exact_match_low"]) == (0.4, None)
    assert (line["a/exact_match"], line["a/exact_match_low"], line["b/exact_match"]) == (0.2, 0.1, 0.6)


def test_run_without_metrics_has_no_table(tmp_path):
    write_epochs(tmp_path)
    assert read_metrics(tmp_path / "metrics.csv") == []
    assert list(tmp_path.iterdir()) == []


def test_tasks_of_other_kinds_have_columns_of_their_headline():
    lines = [
        {
            "epoch": 0,
            "step": 9,
            "val/auroc": 0.9,
            "val/t/auroc": 0.9,
            "val/t/auroc_low": 0.8,
            "val/t/exact_match": 0.5,
        }
    ]
    [line] = summarize_epochs(lines)
    assert (line["auroc"], line["auroc_low"], line["exact_match"]) == (0.9, 0.8, 0.5)
    assert "mae_all" not in line
    of_numbers = {"val/mae_all": 0.5, "val/n/mae_all": 0.5, "val/n/mae_all_high": 0.6}
    [line] = summarize_epochs([lines[0] | of_numbers])
    assert (line["auroc"], line["mae_all"], line["t/auroc"], line["n/mae_all_high"]) == (0.9, 0.5, 0.9, 0.6)
    assert "n/auroc" not in line
