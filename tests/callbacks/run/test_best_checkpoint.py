from __future__ import annotations

from pathlib import Path

import pytest
import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from torch.utils.data import DataLoader

from callbacks.run.best_checkpoint import BestCheckpoint


class Scripted(LightningModule):
    def __init__(self, scores: list[float]) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(()))
        self.scores = scores

    def training_step(self, batch: torch.Tensor, batch_idx: int) -> torch.Tensor:
        return self.weight * batch.sum()

    def validation_step(self, batch: torch.Tensor, batch_idx: int) -> None:
        self.log("val/exact_match", self.scores[self.current_epoch])

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.1)


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize(
    ("scores", "best"),
    [([0.0, 0.0, 0.0], 2), ([0.1, 0.3, 0.2], 1), ([0.1, 0.3, 0.3, 0.2], 2), ([0.5, 0.1], 0)],
)
def test_the_best_epoch_is_kept_and_of_equals_the_later(
    tmp_path: Path, scores: list[float], best: int
) -> None:
    callback = BestCheckpoint(dirpath=str(tmp_path))
    last = ModelCheckpoint(str(tmp_path), filename="last", enable_version_counter=False)
    trainer = Trainer(
        max_epochs=len(scores), callbacks=[callback, last], logger=False, accelerator="cpu", enable_progress_bar=False,
        enable_model_summary=False, num_sanity_val_steps=0, default_root_dir=tmp_path,
    )  # fmt: skip
    data = DataLoader(torch.ones(2))
    trainer.fit(Scripted(scores), data, data)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["best.ckpt", "last.ckpt"]
    assert torch.load(tmp_path / "best.ckpt", weights_only=True)["epoch"] == best
    assert torch.load(tmp_path / "last.ckpt", weights_only=True)["epoch"] == len(scores) - 1
    assert callback.best_model_score == max(scores)
