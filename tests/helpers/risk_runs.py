"""Short runs of a tiny CausalLM that lowers its expected risk, on one and on two ranks; the rewards come from a formula."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch.utils.data import DataLoader

from lightning_modules.causal_lm import CausalLM
from lightning_modules.training.risk_settings import RiskSettings
from tests.helpers.tiny_runs import Recorder, RowsData, make_module, make_trainer, uneven_rows

RISK = RiskSettings(candidates=3, sharpness=0.05, alpha=0.3, reference=True)
"""With the target among the candidates, since a random decoder hardly ever stops, and what does not stop has no reward."""


def reward_of(rows: list[int], texts: Sequence[str]) -> list[float]:
    """A reward of a row's texts; row 3 has none."""
    return [
        float("nan") if row == 3 else (len(text) + row) % 5 / 4 for row, text in zip(rows, texts, strict=True)
    ]


class RiskData(RowsData):
    """Training batches with the length of their common prefix, as the data module gives them."""

    def train_dataloader(self) -> DataLoader:
        loader = super().train_dataloader()
        for batch in loader.dataset:
            batch["prefix_length"] = 1
        return loader


def make_risk_module(base: str, risk: RiskSettings = RISK, **options: Any) -> CausalLM:
    """A CausalLM whose rewards are `reward_of`'s."""
    module = make_module(base, objective="risk", risk=risk, **options)
    module.reward_of = reward_of
    return module


def record_risk(base: str, batch_size: int, accumulate: int, model: Any = None, **options: Any) -> Recorder:
    """Train one epoch on the uneven rows, by default in float64, and return what was recorded."""
    recorder = Recorder()
    trainer = make_trainer(
        **{
            "accumulate_grad_batches": accumulate,
            "precision": "64-true",
            "callbacks": [recorder],
            "log_every_n_steps": 1,
            **options,
        }
    )
    trainer.fit(model or make_risk_module(base), RiskData(uneven_rows(), batch_size))
    recorder.logged = {name: value.item() for name, value in trainer.callback_metrics.items()}  # type: ignore[attr-defined]
    return recorder


def on_two_ranks(base: str, results: Path) -> None:
    """Run on two gloo ranks, with different numbers of rows in their batches."""
    runs = [record_risk(base, size, 4 // size, devices=2, strategy="ddp") for size in (4, 2)]
    if torch.distributed.get_rank() == 0:
        torch.save([(run.gradients[0], run.losses[0], run.logged) for run in runs], results)


if __name__ == "__main__":
    on_two_ranks(sys.argv[1], Path(sys.argv[2]))
