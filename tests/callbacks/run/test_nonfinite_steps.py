from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch

from callbacks.run.nonfinite_steps import NonfiniteSteps, suspects
from datamodules.storage.safe_csv import read_csv
from tests.helpers.callback_stubs import Pair, ScriptedModel, StubData, make_trainer

PAIRS = [Pair(f"in {n}", f"=out {n}", "x") for n in range(8)]


class Left(ScriptedModel):
    """Says that the steps in `bad` were left out, as CausalLM does; a step's losses are its batches' first rows."""

    def __init__(self, bad: set[int], losses: dict[int, float]) -> None:
        super().__init__(PAIRS)
        self.bad, self.losses = bad, losses
        self.left_out = torch.tensor(False)

    def training_step(self, batch: dict[str, torch.Tensor], batch_idx: int) -> torch.Tensor:
        loss = super().training_step(batch, batch_idx)
        return loss + self.losses.get(int(batch["row_index"][0]), 0.0)

    def configure_gradient_clipping(self, *_: Any, **__: Any) -> None:
        self.left_out = torch.tensor(self.trainer.global_step + 1 in self.bad)


def fit(
    folder: Path, bad: set[int], callbacks: list[NonfiniteSteps], losses: dict[int, float], **options: Any
) -> list[dict[str, str]]:
    trainer = make_trainer(folder, callbacks, **options)
    trainer.fit(Left(bad, losses), datamodule=StubData(PAIRS, batch_size=2))
    path = folder / "left_out.csv"
    return read_csv(path) if path.is_file() else []


def test_the_rows_of_the_micro_batch_that_is_not_finite_are_written_down(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = fit(tmp_path, {2}, [NonfiniteSteps()], {6: math.nan}, accumulate_grad_batches=2, max_epochs=1)
    assert [(line["epoch"], line["step"], line["rank"], line["batch"], line["loss"]) for line in lines] == [
        ("0", "2", "0", "3", "nan")
    ] * 2
    assert [line["row_index"] for line in lines] == ["6", "7"]
    assert [(line["task"], line["line"], line["input"], line["target"]) for line in lines] == [
        ("to_smiles", "8", "in 6", "=out 6"), ("to_smiles", "9", "in 7", "=out 7")
    ]  # fmt: skip
    said = capsys.readouterr().err
    assert "Step 2 was skipped on every rank" in said
    assert "1 skipped so far; more than 10 stop the run" in said


def test_all_rows_of_a_step_are_written_down_when_only_its_gradients_were_not_finite(tmp_path: Path) -> None:
    lines = fit(tmp_path, {1}, [NonfiniteSteps()], {}, accumulate_grad_batches=2, max_epochs=1)
    assert [line["row_index"] for line in lines] == ["0", "1", "2", "3"]


def test_steps_between_two_looks_are_seen_and_a_resumed_run_adds_to_the_file(tmp_path: Path) -> None:
    assert fit(tmp_path, set(), [NonfiniteSteps()], {}, max_epochs=1) == []
    lines = fit(tmp_path, {1, 4, 7}, [NonfiniteSteps()], {}, log_every_n_steps=5, max_epochs=2)
    assert [line["step"] for line in lines] == ["1", "1", "4", "4", "7", "7"]
    lines = fit(tmp_path, {2}, [NonfiniteSteps()], {}, max_epochs=1)
    assert [line["step"] for line in lines][-2:] == ["2", "2"]
    assert len(lines) == 8


def test_one_more_than_the_limit_stops_the_run(tmp_path: Path) -> None:
    bad = {1, 2, 5}
    assert fit(tmp_path / "enough", bad, [NonfiniteSteps(limit=3)], {}, max_epochs=2)
    with pytest.raises(
        ValueError, match=r"not finite in 3 optimizer steps \(at most 2 .* at step 5; .*left_out\.csv"
    ):
        fit(tmp_path / "more", bad, [NonfiniteSteps(limit=2)], {}, max_epochs=2, log_every_n_steps=1)


def test_a_trial_leaves_no_file(tmp_path: Path) -> None:
    assert fit(tmp_path, {1}, [NonfiniteSteps()], {}, fast_dev_run=True) == []


def test_a_negative_limit_is_an_error() -> None:
    with pytest.raises(ValueError, match="at least 0, but got -1"):
        NonfiniteSteps(limit=-1)


def test_a_rank_whose_loss_is_finite_is_not_suspected_when_another_one_is_to_blame() -> None:
    lines = [
        {"step": 1, "rank": 0, "loss": 1.0}, {"step": 1, "rank": 1, "loss": math.inf},
        {"step": 2, "rank": 0, "loss": 1.0}, {"step": 2, "rank": 1, "loss": 2.0},
    ]  # fmt: skip
    assert suspects(lines) == lines[1:]
