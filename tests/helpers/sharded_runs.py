"""Short fits of a tiny decoder on several gloo ranks, sharded and by DDP.

`python -m tests.helpers.sharded_runs BASE RANKS FILE CASE...` is what `run_on_ranks` starts.
"""

from __future__ import annotations

import os
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback
from torch.utils.data import DataLoader

from callbacks.run.checkpoint_io import CheckpointWriter
from cli.trainer.sharded_strategy import ShardedStrategy
from lightning_modules.decoder.lora_settings import LoraSettings
from lightning_modules.decoder.sharding import own_part
from tests.helpers.risk_runs import make_risk_module
from tests.helpers.runs import PROJECT
from tests.helpers.tiny import make_tokenizer
from tests.helpers.tiny_runs import LENGTHS, CollectPredictions, Rows, RowsData, make_module, make_trainer

PREFIX = list(range(50, 70))
CASES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "plain": ({}, {}),
    "clip": ({}, {"gradient_clip_val": 0.5}),
    "clip by value": ({}, {"gradient_clip_val": 0.01, "gradient_clip_algorithm": "value"}),
    "bf16": ({}, {"precision": "bf16-mixed"}),
    "accumulate": ({}, {"accumulate_grad_batches": 2}),
    "lora": ({"peft": LoraSettings(rank=4, dropout=0.1), "add_tokens": ["[Br]"]}, {}),
    "average": ({"average_weights": 0.9}, {}),
    "recompute": ({"gradient_checkpointing": True}, {}),
    "risk": ({}, {}),
    "momentum": ({"optimizer": partial(torch.optim.SGD, lr=0.1, momentum=0.9)}, {}),
    "compile": ({"compile": True}, {}),
    "uneven": ({}, {}),
    "infinite": ({}, {}),
}
"""Options of the module and of the trainer by name."""


def prefixed_rows(count: int) -> Rows:
    """At most sixteen rows with a common beginning; the last batch of one row shares nothing."""
    stop = make_tokenizer().eos_token_id
    rows = [
        ([1, *PREFIX, 5 + n, 40 + n], [*(60 + (7 * n + 3 * k) % 200 for k in range(length)), stop])
        for n, length in enumerate(LENGTHS * 2)
    ]
    return rows[:count]


class PrefixedData(RowsData):
    """Training batches with the length of their common prefix, as the data module gives them."""

    def train_dataloader(self) -> DataLoader:
        loader = super().train_dataloader()
        for batch in loader.dataset:
            batch["prefix_length"] = 1 + len(PREFIX)
        return loader


class Keep(Callback):
    """Keeps losses and how much of weights and optimizer state this rank has; saves a checkpoint after the first epoch."""

    def __init__(self, file: Path | None) -> None:
        self.file, self.losses, self.parts = file, list[float](), dict[str, tuple[int, int]]()
        self.left_out: list[bool] = []

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *_: Any) -> None:
        if "train/loss" in trainer.callback_metrics:
            self.losses.append(float(trainer.callback_metrics["train/loss"]))
        self.left_out.append(bool(pl_module.left_out))

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        weights = list(pl_module.parameters())
        moments = [
            value
            for state in trainer.optimizers[0].state.values()
            for value in state.values()
            if torch.is_tensor(value) and value.ndim
        ]
        for name, tensors in {"weights": weights, "optimizer": moments}.items():
            own = sum(own_part(tensor).numel() for tensor in tensors)
            self.parts[name] = own, sum(tensor.numel() for tensor in tensors)
        if self.file is not None and trainer.current_epoch == 0:
            trainer.save_checkpoint(self.file, weights_only=False)


class Break(Callback):
    """Makes the gradients of one rank infinite in one step."""

    def on_after_backward(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if trainer.global_step == 1 and trainer.global_rank == 1:
            gradient = next(p.grad for p in pl_module.parameters() if p.grad is not None)
            own_part(gradient).fill_(float("inf"))


def fit_case(
    base: str, world: int, strategy: str, case: str, file: Path | None = None, resumed: bool = False
) -> dict[str, Any]:
    """Fit two epochs, and return what came of them; every rank must call it.

    Args:
        base: A saved tiny decoder.
        world: Number of ranks.
        strategy: `sharded` or another word.
        case: A key of `CASES`.
        file: The checkpoint after the first epoch: written, or, if `resumed`, where the fit goes on.
        resumed: Whether to go on.
    """
    torch.manual_seed(0)
    of_module, of_trainer = CASES[case]
    keep, answers = Keep(None if resumed else file), CollectPredictions()
    callbacks = [keep, answers, *([Break()] if case == "infinite" else [])]
    trainer = make_trainer(
        strategy=ShardedStrategy() if strategy == "sharded" else strategy, devices=world, max_epochs=2,
        callbacks=callbacks, plugins=[CheckpointWriter()], log_every_n_steps=1, num_sanity_val_steps=1, **of_trainer,
    )  # fmt: skip
    optimizer = {"optimizer": partial(torch.optim.AdamW, lr=1e-2, fused=True)}
    make = make_risk_module if case == "risk" else make_module
    module = make(base, **{**optimizer, **of_module})
    shards = [[row, *([row + world] if rank else [-1])] for rank, row in enumerate(range(world))]
    data = PrefixedData(
        prefixed_rows(15 if case == "uneven" else 16),
        2,
        [part * (2 if len(part) == 1 else 1) for part in shards],
    )
    trainer.fit(module, data, ckpt_path=str(file) if resumed else None)
    everywhere: list[Any] = [None] * world
    torch.distributed.all_gather_object(everywhere, (keep.parts, answers.texts))
    return {
        "losses": keep.losses,
        "left_out": keep.left_out,
        "state": {k: v.clone() for k, v in trainer.strategy.lightning_module_state_dict().items()},
        "optimizer": trainer.strategy.optimizer_state(trainer.optimizers[0]),
        "parts": [parts for parts, _ in everywhere],
        "texts": [texts for _, texts in everywhere],
    }


def run_all(base: str, world: int, results: Path, cases: list[str]) -> None:
    """Fit each case by DDP and sharded; go on with the checkpoints of the first case in all four ways."""
    found: dict[str, Any] = {}
    for case in cases:
        for strategy in ("ddp", "sharded"):
            file = results.with_name(f"{strategy}.ckpt") if case == cases[0] else None
            found[f"{case} {strategy}"] = fit_case(base, world, strategy, case, file)
    for written in ("ddp", "sharded"):
        for strategy in ("ddp", "sharded"):
            file = results.with_name(f"{written}.ckpt")
            found[f"{written} then {strategy}"] = fit_case(
                base, world, strategy, cases[0], file, resumed=True
            )
    if torch.distributed.get_rank() == 0:
        torch.save(found, results)


def run_on_ranks(base: str, world: int, results: Path, cases: list[str]) -> dict[str, Any]:
    """Call `run_all` in processes of their own, and return what it saved."""
    command = [sys.executable, "-m", "tests.helpers.sharded_runs", base, str(world), str(results), *cases]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        command, cwd=PROJECT, env=environment, capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return torch.load(results)


if __name__ == "__main__":
    run_all(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]), sys.argv[4:])
