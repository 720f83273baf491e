"""Whole runs with `--trainer.strategy sharded` on two ranks: kill -9 and resume, the exported folder, validate, test, predict."""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from tests.helpers.runs import PROJECT, command, command_here, own_table, read_csv

RANKS = ["--trainer.accelerator", "cpu", "--trainer.devices", "2", "--trainer.strategy", "sharded"]
FIT = [
    "--trainer.max_epochs",
    "3",
    "--checkpoint.minutes",
    "0",
    "--data.batch_size",
    "2",
    "--model.average_weights",
    "0.9",
]


def read_state(run: Path) -> dict[str, torch.Tensor]:
    """Return weights, their average and optimizer state in last.ckpt."""
    saved: Any = torch.load(run / "checkpoints" / "last.ckpt", weights_only=True)
    moments = {
        f"{number} {name}": value
        for number, state in saved["optimizer_states"][0]["state"].items()
        for name, value in state.items()
    }
    trained = {f"trained {name}": value for name, value in saved["weight_average"]["trained"].items()}
    return {**saved["state_dict"], **trained, **moments}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a finished run, `unbroken`."""
    folder = tmp_path_factory.mktemp("sharded")
    done = command(["fit", *own_table(folder), *FIT, *RANKS, "--name", "unbroken"], folder)
    assert done.returncode == 0, done.stderr[-3000:]
    return folder


def test_exported_folder_has_the_best_weights_and_no_trace_of_shards(folder: Path) -> None:
    run = folder / "runs" / "unbroken"
    best = torch.load(run / "checkpoints" / "best.ckpt", weights_only=True)["state_dict"]
    for name, weight in load_file(run / "hf" / "model.safetensors").items():
        assert torch.equal(weight, best[f"decoder.{name}"])
    assert '"LlamaForCausalLM"' in (run / "hf" / "config.json").read_text()


@pytest.mark.slow
def test_test_and_predict_answer_each_row_once_as_one_device_does(folder: Path) -> None:
    with (folder / "new.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["smiles"], ["CCO"], ["CCC"], ["CCCCO"]])
    questions = ["--data.predict_path", "new.csv", "--output"]
    one = ["--trainer.accelerator", "cpu", "--trainer.devices", "1", "--trainer.strategy", "auto"]
    for name, ranks in {"two.csv": RANKS, "one.csv": one}.items():
        done = command(["predict", "--ckpt_path", "runs/unbroken", *questions, name, *ranks], folder)
        assert done.returncode == 0, done.stderr[-3000:]
    assert read_csv(folder / "two.csv") == read_csv(folder / "one.csv")
    assert [row["smiles"] for row in read_csv(folder / "two.csv")] == ["CCO", "CCC", "CCCCO"]
    done = command(["test", "--ckpt_path", "runs/unbroken", *RANKS], folder)
    assert done.returncode == 0, done.stderr[-3000:]
    tables = list((folder / "runs" / "unbroken" / "test" / "predictions").glob("test_*.csv"))
    assert [len(read_csv(table)) for table in tables] == [7]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="kills a group of processes")
def test_a_killed_fit_goes_on_to_the_weights_of_an_unbroken_one(folder: Path) -> None:
    run = folder / "runs" / "killed"
    process = subprocess.Popen(
        [
            sys.executable,
            str(PROJECT / "train.py"),
            "fit",
            *own_table(folder),
            *FIT,
            *RANKS,
            "--name",
            "killed",
        ],
        cwd=folder,
        env={**os.environ, "WANDB_MODE": "disabled", "OMP_NUM_THREADS": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    last, limit = run / "checkpoints" / "last.ckpt", time.monotonic() + 200
    while not last.exists():
        assert process.poll() is None
        assert time.monotonic() < limit
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    saved: Any = torch.load(last, weights_only=True)
    assert saved["epoch"] < 2, "it was killed too late to show anything"
    done = command(["fit", "--ckpt_path", "last", "--name", "killed"], folder)
    assert done.returncode == 0, done.stderr[-3000:]
    own, other = read_state(run), read_state(folder / "runs" / "unbroken")
    assert list(own) == list(other)
    assert all(torch.equal(own[name], other[name]) for name in own)


def test_one_device_may_go_on_with_a_sharded_run(folder: Path) -> None:
    words = ["--trainer.max_epochs", "4", "--trainer.devices", "1", "--trainer.strategy", "auto"]
    done = command_here(["fit", "--ckpt_path", "runs/unbroken", "--name", "alone", *words], folder)
    assert done.returncode == 0, done.stderr[-3000:]
    assert (folder / "runs" / "alone" / "hf" / "model.safetensors").is_file()
