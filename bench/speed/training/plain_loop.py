"""Parts of a plain PyTorch training loop: the decoder, its optimizer, batches, and the loss as Patois computes it."""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor
from transformers import AutoModelForCausalLM

from bench.speed.training.workload import BETAS, LEARNING_RATE, WEIGHT_DECAY, Workload
from datamodules.tokens.batching import Batch, BatchDataset, plan_training
from lightning_modules.training.training_loss import training_loss


def load(workload: Workload, device: str = "cpu") -> tuple[Any, torch.optim.Optimizer]:
    """Return the workload's decoder in training mode, and AdamW over all its parameters."""
    decoder = AutoModelForCausalLM.from_pretrained(workload.model, dtype=torch.float32).train().to(device)
    return decoder, torch.optim.AdamW(
        decoder.parameters(), lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY, betas=BETAS, fused=True
    )


def lay_batches(
    workload: Workload, batch_size: int, seed: int = 0, epoch: int = 0, by_length: bool = True
) -> list[Batch]:
    """Return the batches of an epoch, padded and ready."""
    rows = workload.train
    plan = plan_training(rows.lengths, batch_size, 1, seed, epoch, by_length=by_length)
    batches = BatchDataset(rows, plan, pad_id=0)
    return [batches[number] for number in range(len(batches))]


def move(batch: Batch, device: str) -> Batch:
    """Return a batch on a device; the copy need not be done when the call returns."""
    return cast(
        Batch,
        {
            name: value.to(device, non_blocking=True) if isinstance(value, Tensor) else value
            for name, value in batch.items()
        },
    )


def loss_of(decoder: Any, batch: Batch, precision: str, share_prefix: bool = True) -> Tensor:
    """Return a batch's mean loss, with shared prefixes and attention as in Patois."""
    with torch.autocast(
        batch["input_ids"].device.type, torch.bfloat16, enabled=precision == "bf16", cache_enabled=False
    ):
        loss_sum, count = training_loss(decoder, batch, "", share_prefix=share_prefix, choose_attention=True)
    return loss_sum / count
