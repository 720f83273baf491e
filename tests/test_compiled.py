"""Compiled training learns what plain training learns, with everything else that changes how a step is computed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.helpers.runs import command, own_table, read_csv

CASES = {
    "shared beginning": ["--data.format", "alpaca"],
    "packing": ["--data.packing", "true", "--data.max_length", "64"],
    "adapters": ["--model.peft.rank", "4"],
    "gradient checkpointing": ["--model.gradient_checkpointing", "true"],
    "accumulation": ["--trainer.accumulate_grad_batches", "2", "--data.batch_size", "4"],
    "two ranks": ["--trainer.devices", "2"],
}


def losses(folder: Path, name: str, *flags: str) -> list[float]:
    """Return the losses of a run's steps, then of its validations."""
    done = command(
        ["fit", "--name", name, *own_table(folder), "--trainer.precision", "32-true", *flags], folder,
        TORCHINDUCTOR_CACHE_DIR=str(folder / f"kernels-{name}"),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    rows = read_csv(folder / "runs" / name / "metrics.csv")
    return [float(row[metric]) for metric in ("train/loss", "val/loss") for row in rows if row.get(metric)]


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_compiled_training_has_the_losses_of_plain_training(case: str, tmp_path: Path) -> None:
    plain = losses(tmp_path, "plain", *CASES[case])
    compiled = losses(tmp_path, "compiled", *CASES[case], "--model.compile", "true")
    assert len(plain) >= 4
    assert compiled == pytest.approx(plain, rel=2e-4)
    kernels = {name: list((tmp_path / f"kernels-{name}").glob("**/*.so")) for name in ("plain", "compiled")}
    assert kernels["compiled"], "nothing was compiled"
    assert not kernels["plain"]
