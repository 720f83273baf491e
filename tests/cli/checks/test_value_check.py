from __future__ import annotations

import re
import zipfile
from pathlib import Path
from typing import Any

import pytest

from cli.checks.value_check import check_values
from tests.helpers.closed_folders import close

RUNS = Path("runs")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"seed_everything": -1}, "Expected --seed_everything to be from 0 to 4294967295, but got -1"),
        ({"trainer.max_epochs": 0}, "Expected --trainer.max_epochs to be at least 1, or -1 for no limit, but got 0"),
        ({"trainer.devices": 0}, "Expected --trainer.devices to be at least 1, -1 for all, or auto"),
        ({"trainer.limit_val_batches": 2.5}, "a share in [0.0, 1.0] or a whole number of batches, but got 2.5"),
        ({"trainer.val_check_interval": "often"}, "or a time as DD:HH:MM:SS, but got 'often'"),
        ({"trainer.val_check_interval": 1.5}, "but got 1.5"),
        ({"trainer.val_check_interval": 0}, "but got 0"),
        ({"trainer.max_time": "soon"}, "Expected --trainer.max_time to be DD:HH:MM:SS"),
        ({"trainer.accelerator": "gpuu"}, "Did you mean 'gpu'?"),
        ({"trainer.strategy": "shared"}, "expected one of auto, ddp,"),
        ({"trainer.strategy": "fsdp"}, "--trainer.strategy fsdp is refused"),
        ({"model.optimizer.lr": "1e-4x"}, "Expected --model.optimizer.lr to be a number above 0, but got '1e-4x'"),
        ({"model.optimizer.lr": 0}, "Expected --model.optimizer.lr to be above 0, but got 0"),
        ({"model.optimizer": {"class_path": "x.Y", "init_args": {"lr": -1.0}}}, "lr to be above 0, but got -1.0"),
        ({"model.optimizer.betas": [0.9, 1.0]}, "two numbers in [0, 1), but got [0.9, 1.0]"),
        ({"model.optimizer.betas": [0.9]}, "two numbers"),
        ({"model.peft": {"rank": 0}}, "Expected --model.peft.rank to be a whole number of at least 1, but got 0"),
        ({"model.peft.alpha": -1}, "Expected --model.peft.alpha to be above 0"),
        ({"model.generation.max_new_tokens": 0}, "max_new_tokens to be at least 1"),
        ({"model.generation": {"temperature": 2.0}}, "has no effect with strategy 'greedy'"),
        ({"model.warmup_fraction": 2.0}, "Expected --model.warmup_fraction to be in [0, 1]"),
        ({"model.average_weights": 99.9}, "--model.average_weights to be above 0 and below 1, such as 0.999, but got 99.9"),
        ({"model.average_weights": 0.9, "trainer.precision": "bf16-true"}, "bf16-mixed or 32-true with --model.average_weights"),
        ({"model.average_weights": 0.9, "trainer.callbacks": [{"class_path": "x.EMAWeightAveraging"}]},
         "--model.average_weights or --trainer.callbacks EMAWeightAveraging, but got both"),
        ({"model.base": "gpt3"}, "No base is called 'gpt3'"),
        ({"model.add_tokens": "smilez"}, "Did you mean 'smiles'?"),
        ({"data.batch_size": 0}, "Expected --data.batch_size to be at least 1"),
        ({"data.num_workers": -1}, "Expected --data.num_workers to be at least 0"),
        ({"data.split_seed": -1}, "Expected --data.split_seed to be at least 0"),
        ({"data.val_fraction": 1.5}, "add up to less than 1, but got 1.5 and 0.05"),
        ({"data.format": "alpacca"}, "Did you mean 'alpaca'?"),
        ({"data.output_notation": "smile"}, "Did you mean 'smiles'?"),
        ({"data.encoding": "utf9"}, "an encoding that Python knows"),
        ({"name": ""}, "Expected --name to be letters"),
        ({"ckpt_path": "nowhere.ckpt"}, "is not a file"),
    ],
)  # fmt: skip
def test_value_that_cannot_work_is_refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)) as caught:
        check_values("fit", values, RUNS)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "values",
    [
        {},
        {
            "seed_everything": True,
            "trainer.max_epochs": -1,
            "trainer.max_steps": 5,
            "trainer.devices": "auto",
        },
        {
            "trainer.val_check_interval": 0.5,
            "trainer.limit_val_batches": 0,
            "trainer.limit_train_batches": 1.0,
        },
        {
            "trainer.val_check_interval": "00:01:00:00",
            "trainer.max_time": {"hours": 1},
            "trainer.fast_dev_run": True,
        },
        {"trainer.accelerator": {"class_path": "x.Y"}, "trainer.strategy": "ddp_find_unused_parameters_true"},
        {"model.optimizer": {"class_path": "x.Y", "init_args": {"lr": 1e-3, "betas": [0.9, 0.95]}}},
        {"model.peft": None, "model.generation.strategy": "beam", "model.generation.num_beams": 3},
        {
            "data.val_fraction": 0.9,
            "data.val_source": "x.csv",
            "data.train_rows": None,
            "data.split_column": None,
        },
        {"data.val_fraction": 7.0, "data.split_column": "side"},
        {"ckpt_path": "last", "name": None},
        {
            "model.average_weights": 0.999,
            "trainer.precision": "bf16-mixed",
            "trainer.callbacks": [{"class_path": "x.Y"}],
        },
        {"model.average_weights": None, "trainer.precision": "bf16-true"},
    ],
)
def test_value_that_works_is_not_refused(values: dict[str, Any]) -> None:
    check_values("fit", values, RUNS)


def test_averaged_weights_are_asked_in_any_precision() -> None:
    values = {
        "model.average_weights": 0.9,
        "trainer.precision": "bf16-true",
        "data.val_fraction": 0.05,
    }
    check_values("test", values, RUNS)


def test_predict_needs_a_file() -> None:
    with pytest.raises(ValueError, match=r"--data\.predict_path mols\.csv"):
        check_values("predict", {}, RUNS)
    check_values("predict", {"data.predict_path": "x.csv"}, RUNS)


def test_values_that_go_together_are_not_checked_where_some_are_missing() -> None:
    values = {
        "model.generation.temperature": 0.5,
        "data.val_fraction": 0.96,
    }  # the run's strategy may be sample
    check_values("test", values, RUNS, complete=False)
    for name, value in values.items():
        with pytest.raises(ValueError):  # noqa: PT011
            check_values("test", {name: value}, RUNS)


def test_with_a_checkpoint_the_folder_of_runs_is_not_written(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("")
    check_values("fit", {"ckpt_path": "hpc"}, tmp_path / "runs")
    check_values("show", {}, tmp_path / "runs")
    with pytest.raises(ValueError, match="it is a file"):
        check_values("fit", {}, tmp_path / "runs")


@pytest.mark.parametrize("command", ["fit", "validate", "test", "predict"])
def test_a_run_of_somebody_else_is_told_before_the_work(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, runs = tmp_path / "theirs" / "mine", tmp_path / "runs"
    (run / "checkpoints").mkdir(parents=True)
    with zipfile.ZipFile(run / "checkpoints" / "best.ckpt", "w") as archive:
        archive.writestr("best/data.pkl", "state_dict")
    (run / "config.yaml").write_text("name: given\n")
    values = {"ckpt_path": str(run / "checkpoints" / "best.ckpt"), "data.predict_path": "x.csv"}
    check_values(command, values, runs)
    close(tmp_path / "theirs", monkeypatch)
    for name in (None, "given", "mine"):  # the configured name is no choice of another
        with pytest.raises(
            ValueError, match=r"Expected to write to .*mine.*, but .* may not be written to: give --name NAME"
        ):
            check_values(command, {**values, "name": name}, runs)
    check_values(command, {**values, "name": "other"}, runs)
    check_values("show", values, runs)
    check_values("predict", {**values, "output": str(tmp_path / "mine.csv")}, runs)
    close(tmp_path, monkeypatch)
    with pytest.raises(
        ValueError, match=r"Expected to write the run to .*runs, but .* may not be written to"
    ):
        check_values(command, {**values, "name": "other"}, runs)
