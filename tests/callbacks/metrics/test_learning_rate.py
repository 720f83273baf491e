from __future__ import annotations

from pathlib import Path

import pytest
import torch

from callbacks.loggers.metrics_csv import MetricsCSV
from callbacks.metrics.learning_rate import NAME, LearningRate
from configs.lookup import CONFIGS, load_yaml
from datamodules.storage.safe_csv import read_csv
from tests.helpers.callback_stubs import Pair, ScriptedModel, StubData, make_trainer

PAIRS = [Pair(str(number), "C", "C") for number in range(24)]  # six steps of four rows


class Scheduled(ScriptedModel):
    """Two groups of parameters, whose rates are halved after each step."""

    optimizer: type[torch.optim.Optimizer] = torch.optim.SGD

    def __init__(self, pairs: list[Pair]) -> None:
        super().__init__(pairs)
        self.other = torch.nn.Parameter(torch.zeros(1))

    def configure_optimizers(self):  # type: ignore[no-untyped-def,override]
        groups = [{"params": [self.weight]}, {"params": [self.other], "lr": 0.01}]
        optimizer = self.optimizer(groups, lr=0.1)  # type: ignore[call-arg]
        halving = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.5)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": halving, "interval": "step"}}


@pytest.mark.parametrize("optimizer", [torch.optim.SGD, torch.optim.AdamW])
@pytest.mark.parametrize(("options", "steps"), [({}, [1, 3, 5]), ({"accumulate_grad_batches": 2}, [1])])
def test_rate_is_logged_under_one_name_with_the_loss_of_its_step(tmp_path, optimizer, options, steps) -> None:  # type: ignore[no-untyped-def]
    model = Scheduled(PAIRS)
    model.optimizer = optimizer
    trainer = make_trainer(
        tmp_path, [LearningRate()], logger=MetricsCSV(tmp_path), log_every_n_steps=2, limit_val_batches=0, **options
    )  # fmt: skip
    trainer.fit(model, datamodule=StubData(PAIRS))
    lines = [line for line in read_csv(tmp_path / "metrics.csv") if line.get(NAME)]
    assert [int(line["step"]) for line in lines] == steps
    assert [float(line[NAME]) for line in lines] == pytest.approx([0.1 * 0.5**step for step in steps])
    assert all(line["train/loss"] for line in lines)
    assert not [name for name in lines[0] if name.startswith("lr")]


@pytest.mark.parametrize("file", ["default.yaml", "pretrain.yaml"])
def test_shipped_configurations_log_the_rate_under_this_name_only(file: str) -> None:
    callbacks = [one["class_path"] for one in load_yaml(Path(CONFIGS) / file)["trainer"]["callbacks"]]
    assert callbacks.count("callbacks.metrics.learning_rate.LearningRate") == 1
    assert not [path for path in callbacks if "LearningRateMonitor" in path]
