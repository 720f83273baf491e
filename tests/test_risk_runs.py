"""Runs that lower the expected risk of the model's own answers: what they log, how they resume, and what they refuse."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from callbacks.run.run_facts import load_checkpoint
from tests.helpers.runs import last_metrics, own_table

pytestmark = pytest.mark.filterwarnings("ignore")
RISK = [
    "--model.objective", "risk", "--model.risk.reward", "similarity", "--model.risk.reference", "true",
    "--model.risk.candidates", "2", "--data.output_notation", "text", "--trainer.accelerator", "cpu",
    "--model.decay_fraction", "0",
]  # fmt: skip


def read(run: Path) -> dict[str, torch.Tensor]:
    state: dict[str, torch.Tensor] = load_checkpoint(run / "checkpoints" / "last.ckpt")["state_dict"]
    return state


def test_a_run_logs_its_rewards_and_resumes_bit_by_bit(run_in: Callable[..., Path], tmp_path: Path) -> None:
    words = [*own_table(tmp_path), *RISK, "--model.warmup_fraction", "0"]
    whole = run_in("fit", "--name", "whole", *words) / "whole"
    logged = last_metrics(whole / "metrics.csv")
    assert 0 < logged["train/risk"] <= 1
    assert 0 <= logged["train/reward"] <= 1
    assert 0 <= logged["train/same_reward"] <= 1
    part = run_in("fit", "--name", "part", *words, "--trainer.max_epochs", "1") / "part"
    assert any(not torch.equal(weight, read(part)[name]) for name, weight in read(whole).items())
    run_in("fit", "--ckpt_path", str(part / "checkpoints" / "last.ckpt"), "--trainer.max_epochs", "2")
    assert all(torch.equal(weight, read(part)[name]) for name, weight in read(whole).items())


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--data.packing", "true"], "--data.packing false with --model.objective risk"),
        (["--data.loss_on", "all"], "--data.loss_on completion with --model.objective risk"),
        (["--model.compile", "true"], "--model.compile false with --model.objective risk"),
        (["--model.risk.sharpness", "0"], "--model.risk.sharpness to be above 0, but got 0"),
        (
            ["--model.risk.reward", "formula"],
            "molecules, names or formulas as answers for the reward formula",
        ),
        (
            ["--model.objective", "nll"],
            "--model.risk.reward similarity has no effect with --model.objective nll",
        ),
    ],
)
def test_what_cannot_be_rewarded_is_told_in_one_line(
    run_in: Callable[..., Path], tmp_path: Path, words: list[str], told: str
) -> None:
    with pytest.raises(SystemExit, match=told) as stopped:
        run_in("fit", *own_table(tmp_path), *RISK, *words)
    assert len(str(stopped.value.code).splitlines()) == 1
