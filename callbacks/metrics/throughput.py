"""How fast the model trains, and what share of the positions is padding."""

from __future__ import annotations

import time
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor

from callbacks.run.run_facts import silence_sync_advice

_STATE_KEY = "throughput"
IGNORE_INDEX = -100  # the label of positions without a loss, as in torch and transformers


def count_batch(batch: dict[str, Tensor]) -> Tensor:
    """Return `(4,)` int64 counts of a training batch, on its device and without waiting for the device.

    Args:
        batch: `input_ids` `(B, T)` padded on the right, `labels` `(B, T)`, `row_index` `(B,)`. A row ends at
            its last supervised token, the stop token; ids cannot show it, as padding may be the stop token.

    Returns:
        Numbers of supervised tokens, of all tokens without padding, of positions with padding, and of rows.
    """
    labels = batch["labels"]
    supervised = labels != IGNORE_INDEX
    place = torch.arange(1, labels.shape[1] + 1, device=labels.device)
    lengths = (supervised * place).amax(dim=1)
    rows = (batch["row_index"] >= 0).sum()
    positions = torch.tensor(labels.numel(), device=labels.device)
    return torch.stack([supervised.sum(), lengths.sum(), positions, rows])


def count_rows(batch: dict[str, Tensor]) -> int:
    """Return the number of rows or packs in a training batch; for `batch_size_fn` of Lightning's ThroughputMonitor."""
    return len(batch["input_ids"])


class Throughput(Callback):
    """Logs the training speed once per epoch, over all ranks.

    - `train/supervised_tokens_per_second`: tokens that have a loss;
    - `train/tokens_per_second`: all tokens of prompts and completions, without padding;
    - `train/rows_per_second`;
    - `train/padding`: share of padding in all positions computed, 0 to 1;
    - `train/tokens_seen` and `train/seconds`: tokens and training time since the first epoch, across resumes.

    Validation time does not count. Counts stay on the device until the epoch ends, so that no training step
    waits for them.
    """

    names = (
        "supervised_tokens_per_second",
        "tokens_per_second",
        "rows_per_second",
        "padding",
        "tokens_seen",
        "seconds",
    )
    """What it logs, below `train/`."""

    def __init__(self) -> None:
        self._counts: Tensor | None = None
        self._seconds = 0.0
        self._since: float | None = None
        self._seen, self._total_seconds = 0, 0.0

    def state_dict(self) -> dict[str, Any]:
        """Keep the totals in checkpoints."""
        return {"tokens": self._seen, "seconds": self._total_seconds}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore a checkpoint's totals."""
        self._seen, self._total_seconds = state_dict["tokens"], state_dict["seconds"]

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Silence Lightning's advice to reduce values that are equal on all ranks."""
        silence_sync_advice(trainer, r"train/padding|train/tokens_seen|train/seconds|train/\w+_per_second")

    def _pause(self, pl_module: LightningModule) -> None:
        if self._since is not None:
            if pl_module.device.type == "cuda":
                torch.cuda.synchronize(pl_module.device)
            self._seconds += time.perf_counter() - self._since
            self._since = None

    def on_save_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Save the epoch's counts and seconds so far, over all ranks."""
        running = 0.0 if self._since is None else time.perf_counter() - self._since
        counts, seconds = self._over_ranks(trainer, pl_module, self._seconds + running)
        checkpoint[_STATE_KEY] = {"counts": counts.cpu(), "seconds": seconds}

    def on_load_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Restore the counts on rank 0 only: they are already summed over ranks."""
        state = checkpoint.get(_STATE_KEY)
        if state is not None and trainer.is_global_zero:
            self._counts, self._seconds = state["counts"].to(pl_module.device), state["seconds"]

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start the clock, also for a run that resumes within an epoch."""
        self._since = time.perf_counter()

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start the clock."""
        self._counts, self._seconds, self._since = None, 0.0, time.perf_counter()

    def _over_ranks(
        self, trainer: Trainer, pl_module: LightningModule, seconds: float
    ) -> tuple[Tensor, float]:
        """Return the sum of the ranks' counts and the slowest rank's seconds. Every rank must call it."""
        local = torch.zeros(4, dtype=torch.int64) if self._counts is None else self._counts.clone()
        counts = trainer.strategy.reduce(local.to(pl_module.device), reduce_op="sum")
        slowest = torch.tensor(seconds, device=pl_module.device)
        return counts, float(trainer.strategy.reduce(slowest, reduce_op="max"))

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Count the batch."""
        counts = count_batch(batch)
        self._counts = counts if self._counts is None else self._counts + counts

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Stop the clock."""
        self._pause(pl_module)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start the clock again."""
        self._since = time.perf_counter()

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Sum the counts over ranks, take the slowest rank's time, and log."""
        self._pause(pl_module)
        counts, seconds = self._over_ranks(trainer, pl_module, self._seconds)
        supervised, tokens, positions, rows = counts.tolist()
        self._seen += int(tokens)
        self._total_seconds += seconds
        rates = (count / max(seconds, 1e-9) for count in (supervised, tokens, rows))
        padding = 1 - tokens / positions if positions else 0.0
        values = (*rates, padding, float(self._seen), self._total_seconds)
        for name, value in zip(self.names, values, strict=True):
            pl_module.log(f"train/{name}", value, sync_dist=False)
        self._counts, self._seconds = None, 0.0  # a checkpoint from now on must not count them again
