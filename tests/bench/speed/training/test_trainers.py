from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM
from transformers.trainer_pt_utils import LengthGroupedSampler

from bench.speed.stopwatch import EPOCHS, Stopwatch
from bench.speed.training.hf_trainers import FullWindowSampler
from bench.speed.training.trainers import TRAINERS, main
from bench.speed.training.workload import Work, Workload, held_out_loss, make_workload
from datamodules.tokens.batching import plan_training
from tests.helpers.runs import PROJECT

ROWS, BATCH = 12, 4
needs_trl = pytest.mark.skipif(not importlib.util.find_spec("trl"), reason="TRL is in the extra `bench`")


@pytest.fixture(scope="module")
def workload(tmp_path_factory: pytest.TempPathFactory) -> Workload:
    """A few rows and a tiny decoder."""
    return make_workload(tmp_path_factory.mktemp("work"), "tiny", "arrow", ROWS)


def untrained_loss(workload: Workload) -> float:
    return held_out_loss(AutoModelForCausalLM.from_pretrained(workload.model), workload)


@pytest.mark.parametrize(
    "name",
    [
        "bare",
        "hf-best",
        "hf-default",
        *(pytest.param(name, marks=needs_trl) for name in ("trl-default", "trl-best")),
    ],
)
def test_trainers_time_each_row_once_and_learn(name: str, workload: Workload) -> None:
    result = TRAINERS[name](Work(workload, BATCH, "fp32", 0))
    assert result["steps"] == ROWS / BATCH
    assert result["rows_per_second"] * result["seconds"] == pytest.approx(ROWS)
    assert result["held_out_loss"] < untrained_loss(workload) - 0.02


@needs_trl
@pytest.mark.parametrize("name", ["trl-packed", "trl-wrapped"])
def test_packed_trainers_time_each_row_once(name: str, workload: Workload) -> None:
    result = TRAINERS[name](Work(workload, BATCH, "fp32", 0))
    assert result["steps"] < ROWS / BATCH
    assert result["rows_per_second"] * result["seconds"] == pytest.approx(ROWS)


def test_another_seed_is_another_order_and_other_weights(workload: Workload, tmp_path: Path) -> None:
    losses = [TRAINERS["bare"](Work(workload, BATCH, "fp32", seed))["held_out_loss"] for seed in (0, 0, 1)]
    assert losses[0] == losses[1] != losses[2]
    other = make_workload(tmp_path, "tiny", "arrow", ROWS, seed=1)
    assert untrained_loss(other) != untrained_loss(workload)
    assert (other.train.ids == workload.train.ids).all()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["patois", "patois-packed"])
def test_patois_fit_times_each_row_once(name: str, tmp_path: Path) -> None:
    words = ["--folder", str(tmp_path), "--shape", "tiny", "--rows", str(ROWS), "--batch-size", str(BATCH)]
    done = subprocess.run(
        [sys.executable, "-m", "bench.speed.training.trainers", name, *words, "--seed", "3"],
        cwd=PROJECT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    result = json.loads(done.stdout.splitlines()[-1])
    assert result["trainer"] == name
    assert result["steps"] == ROWS / BATCH
    assert result["rows_per_second"] * result["seconds"] == pytest.approx(ROWS)


def test_trainers_refuse_too_few_rows_before_training(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["bare", "--folder", str(tmp_path / "new"), "--rows", "16", "--batch-size", "16"])
    assert "multiple of --batch-size 16, at least 2 times it, but got 16" in capsys.readouterr().err
    assert not (tmp_path / "new").exists()


def padding(batches: list[list[int]], lengths: list[int]) -> float:
    """Return the share of tokens that are padding."""
    padded = sum(max(lengths[row] for row in batch) * len(batch) for batch in batches)
    return 1 - sum(lengths) / padded


def test_grouping_over_full_windows_pads_as_little_as_patois() -> None:
    lengths = np.random.default_rng(0).integers(10, 128, 64)
    torch.manual_seed(0)

    def batches(sampler: LengthGroupedSampler) -> list[list[int]]:
        order = list(sampler)
        assert sorted(order) == list(range(64))
        return [order[first : first + 8] for first in range(0, 64, 8)]

    ours = padding([rows.tolist() for rows in plan_training(lengths, 8, 1, 0, 0)], lengths.tolist())
    full, usual = (
        padding(batches(kind(8, lengths=lengths.tolist())), lengths.tolist())
        for kind in (FullWindowSampler, LengthGroupedSampler)
    )
    assert full == pytest.approx(ours)
    assert usual > 2 * full


def test_hf_best_groups_rows_with_the_full_window_sampler(
    workload: Workload, monkeypatch: pytest.MonkeyPatch
) -> None:
    used: list[int] = []
    original = FullWindowSampler.__iter__
    monkeypatch.setattr(
        FullWindowSampler, "__iter__", lambda self: used.append(len(self.lengths)) or original(self)
    )
    TRAINERS["hf-default"](Work(workload, BATCH, "fp32", 0))
    assert used == []
    TRAINERS["hf-best"](Work(workload, BATCH, "fp32", 0))
    assert used == [ROWS] * EPOCHS


def test_litgpt_times_each_row_once(tmp_path: Path) -> None:
    python = os.environ.get("LITGPT_PYTHON")
    if not python:
        pytest.skip("needs LITGPT_PYTHON")
    made = make_workload(tmp_path, "tiny", "arrow", ROWS)
    result = TRAINERS["litgpt"](Work(made, BATCH, "fp32", 0))
    assert result["steps"] == ROWS / BATCH
    assert result["held_out_loss"] < untrained_loss(made) - 0.02


def test_litgpt_without_an_environment_says_what_makes_one(
    workload: Workload, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("LITGPT_PYTHON", raising=False)
    with pytest.raises(ValueError, match="`make bench` makes one"):
        TRAINERS["litgpt"](Work(workload, BATCH, "fp32", 0))


def test_trainer_that_skips_rows_is_an_error(workload: Workload, monkeypatch: pytest.MonkeyPatch) -> None:
    step = Stopwatch.step
    monkeypatch.setattr(Stopwatch, "step", lambda self, rows: step(self, rows - 1))
    with pytest.raises(RuntimeError, match=r"the trainer's steps had \[9, 9, 9, 9, 9, 9\] rows an epoch"):
        TRAINERS["bare"](Work(workload, BATCH, "fp32", 0))
