"""Whole fits on tiny bases: what is learned, by flags and on two processes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

import train
from callbacks.run.checkpoint_io import CheckpointWriter
from tests.helpers.runs import (
    PAIRS,
    command,
    command_here,
    last_metrics,
    own_table,
    write_pairs,
    write_tiny_base,
)

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


def test_fit_writes_checkpoints_with_the_checkpoint_writer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written, plain = [], CheckpointWriter.save_checkpoint

    def listen(self: CheckpointWriter, checkpoint: Any, path: Any, storage_options: Any = None) -> None:
        written.append(Path(path).name)
        plain(self, checkpoint, path, storage_options)

    monkeypatch.setattr(CheckpointWriter, "save_checkpoint", listen)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WANDB_MODE", "disabled")
    train.main(["fit", "--name", "mine", *own_table(tmp_path), "--trainer.max_epochs", "1"])
    assert set(written) == {"best.ckpt", "last.ckpt"}


def test_interval_above_an_epochs_batches_is_refused_before_anything_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WANDB_MODE", "offline")
    with pytest.raises(
        SystemExit, match=r"val_check_interval to be at most the \d+ training batches .* got 5000"
    ):
        train.main(["fit", *own_table(tmp_path), "--trainer.val_check_interval", "5000"])
    assert not (tmp_path / "runs").exists()


def test_fit_stopped_before_its_first_checkpoint_begins_again_as_the_same_run(tmp_path: Path) -> None:
    home = {f"WANDB_{name}_DIR": str(tmp_path / "wandb_home") for name in ("DATA", "CACHE", "CONFIG")}
    args = [
        "fit",
        "--name",
        "mine",
        *own_table(tmp_path),
        "--wandb.offline",
        "true",
        "--seed_everything",
        "7",
    ]
    assert (
        command_here(
            [*args, "--trainer.limit_train_batches", "0"], tmp_path, WANDB_MODE="online", **home
        ).returncode
        == 0
    )
    run = tmp_path / "runs" / "mine"
    assert not list(run.glob("checkpoints/*"))
    again = [
        "fit",
        "--ckpt_path",
        "last",
        "--trainer.limit_train_batches",
        "1.0",
        "--trainer.max_epochs",
        "1",
    ]
    result = command_here(again, tmp_path, WANDB_MODE="online", **home)
    assert result.returncode == 0, result.stderr[-3000:]
    assert (run / "checkpoints" / "last.ckpt").is_file()
    assert yaml.safe_load((run / "config.yaml").read_text())["seed_everything"] == 7
    assert [path.name for path in (tmp_path / "runs").iterdir()] == ["mine"]
    assert len({path.stem for path in run.glob("wandb/offline-run-*/run-*.wandb")}) == 1  # the same W&B run


def test_fit_learns_five_pairs_by_heart(run_in: Callable[..., Path], tmp_path: Path) -> None:
    source = write_pairs(tmp_path, PAIRS[3:8])
    val = tmp_path / "same.csv"
    val.write_text(Path(source).read_text())
    runs = run_in(
        "fit", "--name", "overfit", "--config", str(Path(train.__file__).parent / "configs/debug/overfit.yaml"),
        "--model.base", write_tiny_base(tmp_path, hidden_size=64), "--data.source", source, "--data.val_source", str(val),
        "--data.test_fraction", "0", "--data.input_column", "smiles", "--data.output_column", "name",
        "--model.optimizer.lr", "0.01", "--trainer.enable_progress_bar", "false",
    )  # fmt: skip
    assert last_metrics(runs / "overfit" / "metrics.csv")["val/exact_match"] == 1.0


@pytest.mark.parametrize(
    ("task", "form", "base"),
    [
        ("smiles_to_formula", "alpaca", {}),
        ("iupac_to_smiles", "tags", {"num_hidden_layers": 1}),
        ("smiles_to_iupac,smiles_to_selfies", "chat_template", {}),
        ("dna_to_protein", "chatml", {"hidden_size": 16}),
    ],
)
def test_fit_takes_task_format_and_base_by_flags(
    run_in: Callable[..., Path], tmp_path: Path, task: str, form: str, base: dict[str, int]
) -> None:
    # The small molecules: converting all 112,450 to SELFIES takes two minutes.
    source = [] if task == "dna_to_protein" else ["--data.source", "pubchem_small"]
    runs = run_in(
        "fit", "--name", "swap", "--data.task", task, *source, "--data.format", form,
        "--model.base", write_tiny_base(tmp_path, **base),
        "--model.generation.max_new_tokens", "4", "--data.train_rows", "24", "--data.val_rows", "4", "--data.max_length", "480",
        "--data.shots", "1", "--trainer.max_epochs", "1", "--trainer.enable_progress_bar", "false",
    )  # fmt: skip
    metrics = last_metrics(runs / "swap" / "metrics.csv")
    for name in task.split(","):
        assert f"val/{name}/exact_match" in metrics


@pytest.mark.pitfall(13)
@pytest.mark.pitfall(2)
def test_two_processes_give_what_one_gives(tmp_path: Path) -> None:
    metrics, weights = [], []
    for devices, batch_size, accumulate, eval_batch_size in ((1, 8, 1, 3), (2, 4, 1, 8), (1, 2, 4, 1)):
        name = f"d{devices}-{batch_size}"
        run = command if devices > 1 else command_here
        result = run(
            ["fit", "--name", name, *own_table(tmp_path), "--data.batch_size", str(batch_size),
             "--data.eval_batch_size", str(eval_batch_size),
             "--trainer.devices", str(devices), "--trainer.accelerator", "cpu", "--trainer.precision", "32-true",
             "--trainer.accumulate_grad_batches", str(accumulate)],
            tmp_path,
        )  # fmt: skip
        assert result.returncode == 0, result.stderr[-3000:]
        metrics.append(last_metrics(tmp_path / "runs" / name / "metrics.csv"))
        weights.append(
            torch.load(tmp_path / "runs" / name / "checkpoints" / "last.ckpt", weights_only=True)[
                "state_dict"
            ]
        )
    compared = [name for name in metrics[0] if name.startswith("val/")]
    assert len(compared) > 10
    for name in compared:
        assert metrics[1][name] == pytest.approx(metrics[0][name], rel=1e-4, abs=1e-5), name
    for name, weight in weights[0].items():
        torch.testing.assert_close(weights[1][name], weight, rtol=1e-3, atol=1e-4)
