"""Runs whose weights are averaged: what is evaluated, kept, exported, tested and asked is the average."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

import patois
from callbacks.run.run_facts import load_checkpoint
from cli.asking.weights import load_weights
from tests.helpers.runs import last_metrics, own_table

pytestmark = pytest.mark.filterwarnings("ignore")
AVERAGE = [
    "--model.average_weights", "0.9", "--model.optimizer.lr", "0.02", "--trainer.accelerator", "cpu",
    "--trainer.precision", "32-true",
]  # fmt: skip
PREFIX = "decoder."


def read(run: Path, name: str) -> dict[str, Any]:
    return load_checkpoint(run / "checkpoints" / f"{name}.ckpt")


def test_a_run_is_evaluated_kept_exported_tested_and_asked_by_its_average(
    run_in: Callable[..., Path], tmp_path: Path
) -> None:
    run = run_in("fit", "--name", "x", *own_table(tmp_path), *AVERAGE) / "x"
    best, last = read(run, "best"), read(run, "last")
    exported = load_file(run / "hf" / "model.safetensors")
    trained = last["weight_average"]["trained"]
    assert not any(torch.equal(weight, last["state_dict"][name]) for name, weight in trained.items())
    for name, weight in exported.items():
        assert torch.equal(weight, best["state_dict"][PREFIX + name]), name
    for path, saved in ((run, best), (run / "checkpoints" / "last.ckpt", last)):
        model = patois.load(str(path))
        for name, weight in model.weights(next(iter(model.tasks))).decoder.state_dict().items():
            assert torch.equal(weight, saved["state_dict"][PREFIX + name]), name
    logged = last_metrics(run / "metrics.csv")
    for command in ("validate", "test"):
        run_in(command, "--ckpt_path", str(run / "checkpoints" / "last.ckpt"))
    again = last_metrics(run / "validate" / "metrics.csv")
    assert again["val/loss"] == pytest.approx(logged["val/loss"], abs=1e-6)
    assert "an exponential average over the optimizer steps" in (run / "hf" / "README.md").read_text()
    assert "averaged over the steps (0.9)" in (run / "report.html").read_text()


def test_the_export_without_checkpoints_has_the_average(run_in: Callable[..., Path], tmp_path: Path) -> None:
    words = [*own_table(tmp_path), *AVERAGE]
    kept = run_in("fit", "--name", "kept", *words) / "kept"
    run = run_in("fit", "--name", "x", *words, "--trainer.enable_checkpointing", "false") / "x"
    average = read(kept, "last")["state_dict"]
    for name, weight in load_file(run / "hf" / "model.safetensors").items():
        assert torch.equal(weight, average[PREFIX + name]), name


def test_averaged_adapters_are_merged_into_the_export(run_in: Callable[..., Path], tmp_path: Path) -> None:
    run = run_in("fit", "--name", "x", *own_table(tmp_path), *AVERAGE, "--model.peft.rank", "2") / "x"
    exported = load_file(run / "hf" / "model.safetensors")
    decoder, _, _ = load_weights(run / "checkpoints" / "best.ckpt")
    state = decoder.state_dict()
    for name, weight in exported.items():
        torch.testing.assert_close(weight, state[name])


def test_a_run_resumed_without_the_flag_goes_on_with_its_trained_weights(
    run_in: Callable[..., Path], tmp_path: Path
) -> None:
    """A step at a rate of 0 leaves the weights as they are: those that were trained, and not their average."""
    run = run_in("fit", "--name", "x", *own_table(tmp_path), *AVERAGE) / "x"
    trained = read(run, "last")["weight_average"]["trained"]
    flags = ["--model.average_weights", "null", "--trainer.max_epochs", "3"]
    still = ["--model.optimizer.lr", "1e-30"]
    run_in("fit", "--ckpt_path", str(run / "checkpoints" / "last.ckpt"), *flags, *still)
    found = read(run, "last")
    assert "weight_average" not in found
    for name, weight in trained.items():
        torch.testing.assert_close(found["state_dict"][name], weight, rtol=1e-6, atol=0)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--model.average_weights", "99.9"], "--model.average_weights to be above 0 and below 1"),
        (["--trainer.precision", "bf16-true"], "bf16-mixed or 32-true with --model.average_weights"),
        (["--trainer.callbacks+=EMAWeightAveraging"], "EMAWeightAveraging, but got both"),
        (["--trainer.callbacks+=WeightAveraging"], "WeightAveraging, but got both"),
    ],
)
def test_what_cannot_be_averaged_is_told_in_one_line(
    run_in: Callable[..., Path], tmp_path: Path, words: list[str], told: str
) -> None:
    with pytest.raises(SystemExit, match=told) as stopped:
        run_in("fit", *own_table(tmp_path), *AVERAGE, *words)
    assert len(str(stopped.value.code).splitlines()) == 1
    assert not (tmp_path / "runs").exists()
