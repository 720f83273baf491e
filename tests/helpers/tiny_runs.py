"""Short training runs of a tiny CausalLM on rows in memory, for the tests of CausalLM on one and on two ranks."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import LightningDataModule, LightningModule, Trainer
from lightning.pytorch.callbacks import Callback
from torch.utils.data import DataLoader

from lightning_modules.causal_lm import CausalLM
from lightning_modules.generation.generate import GenerationSettings
from tests.helpers.tiny import make_batch, make_tokenizer

Rows = list[tuple[list[int], list[int]]]
# completions of 2 to 33 tokens: means over micro-batches are far from the token mean
LENGTHS = [1, 30, 2, 9, 4, 32, 3, 17]
CLIP = 0.5
UNEVEN_SHARDS = [
    [0, 2, 4, 6],
    [1, -1, -1, -1],
]  # four short rows on one rank; one long row and fillers on the other


def uneven_rows() -> Rows:
    """Eight rows of token ids with completions of very different length."""
    stop = make_tokenizer().eos_token_id
    return [
        ([1, 5 + n, 40 + n], [*(60 + (7 * n + 3 * k) % 200 for k in range(length)), stop])
        for n, length in enumerate(LENGTHS)
    ]


class RowsData(LightningDataModule):
    """Gives rows in batches; rank r of n trains on rows r, r + n, ... and evaluates `shards[r]` (-1: a filler)."""

    def __init__(self, rows: Rows, batch_size: int, shards: list[list[int]] | None = None) -> None:
        super().__init__()
        self.rows, self.batch_size, self.shards = rows, batch_size, shards

    def _batches(self, indices: list[int]) -> list[dict[str, torch.Tensor]]:
        pad = make_tokenizer().pad_token_id
        chunks = [indices[at : at + self.batch_size] for at in range(0, len(indices), self.batch_size)]
        return [make_batch([self.rows[i] for i in chunk], pad, chunk) for chunk in chunks]

    def train_dataloader(self) -> DataLoader:
        assert self.trainer is not None
        mine = list(range(len(self.rows)))[self.trainer.global_rank :: self.trainer.world_size]
        batches = self._batches(mine)
        for batch in batches:
            del batch["prompt_ids"], batch["prompt_mask"]
        return DataLoader(batches, batch_size=None)  # type: ignore[arg-type]

    def val_dataloader(self) -> DataLoader | list[Any]:
        if self.shards is None:
            return []
        assert self.trainer is not None
        return DataLoader(self._batches(self.shards[self.trainer.global_rank]), batch_size=None)  # type: ignore[arg-type]


class Recorder(Callback):
    """Keeps the gradients that every optimizer step used, and the loss logged for it."""

    def __init__(self) -> None:
        self.gradients: list[torch.Tensor] = []
        self.losses: list[float] = []

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        clip = pl_module.configure_gradient_clipping

        def clip_and_keep(*args: Any, **options: Any) -> None:
            clip(*args, **options)
            grads = [p.grad.flatten() for p in pl_module.parameters() if p.grad is not None]
            self.gradients.append(torch.cat(grads).clone())
            self.losses.append(trainer.callback_metrics["train/loss"].item())

        pl_module.configure_gradient_clipping = clip_and_keep  # type: ignore[method-assign]


def make_module(base: str, **options: Any) -> CausalLM:
    """A CausalLM over a saved tiny decoder, by default trained with SGD."""
    options = {
        "optimizer": partial(torch.optim.SGD, lr=0.1),
        "generation": GenerationSettings(max_new_tokens=4),
        **options,
    }
    return CausalLM(base, **options)


def make_trainer(**options: Any) -> Trainer:
    """A quiet trainer on the CPU."""
    quiet: dict[str, Any] = {
        "accelerator": "cpu",
        "devices": 1,
        "logger": False,
        "enable_checkpointing": False,
        "enable_progress_bar": False,
        "enable_model_summary": False,
        "num_sanity_val_steps": 0,
        "max_epochs": 1,
        "use_distributed_sampler": False,
    }
    return Trainer(**(quiet | options))


def record_run(base: str, batch_size: int, accumulate: int, clip: float | None, **options: Any) -> Recorder:
    """Train one epoch on the uneven rows in float64, with or without clipping, and return what was recorded."""
    recorder = Recorder()
    trainer = make_trainer(
        accumulate_grad_batches=accumulate,
        gradient_clip_val=clip,
        precision="64-true",
        callbacks=[recorder],
        log_every_n_steps=1,
        **options,
    )
    trainer.fit(make_module(base), RowsData(uneven_rows(), batch_size))
    return recorder


def assert_same(gradients: torch.Tensor, expected: torch.Tensor) -> None:
    """Gradients are the same but for rounding."""
    assert ((gradients - expected).norm() / expected.norm()).item() < 1e-6


class CollectPredictions(Callback):
    """Keeps what the validation steps return."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.stopped: list[bool] = []
        self.outputs: list[dict[str, Any]] = []

    def on_validation_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, *_: Any) -> None:
        self.texts += outputs["prediction"]
        self.stopped += outputs["stopped"].tolist()
        self.outputs.append(outputs)


class Watch(Callback):
    """Notes at each training batch whether dropout is on, and the learning rates."""

    def __init__(self) -> None:
        self.training: list[bool] = []
        self.rates: list[list[float]] = []

    def on_train_batch_start(self, trainer: Any, pl_module: Any, *_: Any) -> None:
        self.training.append(
            pl_module.decoder.training and all(m.training for m in pl_module.decoder.modules())
        )
        self.rates.append([group["lr"] for group in trainer.optimizers[0].param_groups])


def on_two_ranks(base: str, results: Path) -> None:
    """Run on two gloo ranks: gradients of two ways to see 8 rows, and val/loss of uneven shards."""
    ranks: dict[str, Any] = {"devices": 2, "strategy": "ddp"}
    runs = {
        (batch_size, clip): record_run(base, batch_size, 4 // batch_size, clip, **ranks)
        for batch_size in (4, 2)
        for clip in (None, CLIP)
    }
    trainer = make_trainer(**ranks)
    val = trainer.validate(make_module(base), RowsData(uneven_rows(), 2, UNEVEN_SHARDS), verbose=False)
    if trainer.is_global_zero:
        steps = {way: (run.gradients[0], run.losses[0]) for way, run in runs.items()}
        torch.save({"steps": steps, "val": val[0]["val/loss"]}, results)


if __name__ == "__main__":
    on_two_ranks(sys.argv[1], Path(sys.argv[2]))
