"""One optimizer step on eight rows, on some ranks: `python -m tests.gpu.ranks BASE FILE gpu|cpu` runs it on all cards.

A program of its own, since Lightning starts the other ranks by running it again.
"""

from __future__ import annotations

import sys
from typing import Any

import torch

from tests.helpers.tiny_runs import Recorder, RowsData, make_module, make_trainer, uneven_rows

ROWS = 8


def world_of(accelerator: str) -> int:
    """Return the number of ranks: the largest power of two of cards that there are; two processes on a CPU."""
    if accelerator == "cpu":
        return 2
    return max(size for size in (1, 2, 4, 8) if size <= torch.cuda.device_count())


def learn(base: str, accelerator: str, world: int, **options: Any) -> tuple[torch.Tensor, float]:
    """Return the gradient (on the CPU) and the loss of a step; each rank has as many rows as the others."""
    recorder = Recorder()
    trainer = make_trainer(
        accelerator=accelerator,
        devices=world,
        callbacks=[recorder],
        log_every_n_steps=1,
        precision="32-true",
        **options,
    )
    trainer.fit(make_module(base), RowsData(uneven_rows(), ROWS // world))
    return recorder.gradients[0].cpu(), recorder.losses[0]


if __name__ == "__main__":
    base, file, accelerator = sys.argv[1:]
    world = world_of(accelerator)
    gradient, loss = learn(base, accelerator, world, strategy="ddp")
    if int(torch.distributed.get_rank() if torch.distributed.is_initialized() else 0) == 0:
        torch.save([world, gradient, loss], file)
