from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from callbacks.metrics.task_loss import TaskLoss
from tests.helpers.callback_stubs import Pair, ScriptedModel, StubData, make_trainer

PAIRS = [Pair("a", "C", "C"), Pair("b", "C", "C"), Pair("c", "x", "y", "spell", "text")]
LOSSES = [0.25 * (row + 1) * (row + 2) for row in range(3)]  # as `ScriptedModel` gives them
TOKENS = [row + 2 for row in range(3)]


class Noting(StubData):
    def note_losses(self, losses: Any, epoch: int) -> dict[str, float]:
        self.noted = (dict(losses), epoch)
        return {"to_smiles": 0.75, "spell": 0.25}


class Broken(ScriptedModel):
    def validation_step(self, batch: dict[str, torch.Tensor], batch_idx: int) -> dict[str, Any]:
        outputs = super().validation_step(batch, batch_idx)
        return outputs | {"row_loss": outputs["row_loss"] * float("nan")}


@pytest.mark.parametrize("repeat", [False, True])
def test_each_task_has_the_mean_over_its_tokens(tmp_path: Path, repeat: bool) -> None:
    data = Noting(PAIRS, batch_size=2, repeat=repeat)
    trainer = make_trainer(tmp_path, [TaskLoss()])
    trainer.fit(ScriptedModel(PAIRS), datamodule=data)
    expected = {"to_smiles": sum(LOSSES[:2]) / sum(TOKENS[:2]), "spell": LOSSES[2] / TOKENS[2]}
    for task, loss in expected.items():
        assert float(trainer.callback_metrics[f"val/{task}/loss"]) == pytest.approx(loss)
    assert data.noted == (pytest.approx(expected), 0)
    assert float(trainer.callback_metrics["train/spell/share"]) == 0.25


def test_only_a_fit_hands_them_to_the_data(tmp_path: Path) -> None:
    data = Noting(PAIRS)
    trainer = make_trainer(tmp_path, [TaskLoss()])
    trainer.validate(ScriptedModel(PAIRS), datamodule=data, verbose=False)
    assert "val/spell/loss" in trainer.callback_metrics
    trainer.test(ScriptedModel(PAIRS), datamodule=data, verbose=False)
    assert "test/spell/loss" in trainer.callback_metrics
    assert not hasattr(data, "noted")


def test_a_loss_that_is_no_number_stops_nothing(tmp_path: Path) -> None:
    trainer = make_trainer(tmp_path, [TaskLoss()])
    trainer.fit(Broken(PAIRS), datamodule=Noting(PAIRS))
    assert float(trainer.callback_metrics["val/spell/loss"]) == float("inf")
