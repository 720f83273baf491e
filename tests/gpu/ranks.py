"""Does a step on several cards do what it does on one: one optimizer step on eight rows.

`python -m tests.gpu.ranks BASE FILE gpu|cpu` takes it on all cards: a program of its own, since Lightning starts the other ranks
by running it again.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import torch

from tests.gpu.exactness import SAME
from tests.gpu.place import Place, Result, check
from tests.gpu.programs import finish, start
from tests.helpers.runs import PROJECT
from tests.helpers.tiny import save_tiny
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


def compare(place: Place) -> Iterator[Result]:
    """Compare a step on all cards (NCCL; on a CPU two processes, gloo) with the same rows on one."""
    base = save_tiny(place.folder / "base")
    found = place.folder / "ranks.pt"
    finish(start(["-m", "tests.gpu.ranks", base, str(found), place.accelerator], PROJECT))
    world, gradient, loss = torch.load(found, weights_only=True)
    alone = learn(base, place.accelerator, 1)
    yield {
        **check("gradient", float((gradient - alone[0]).norm() / alone[0].norm()), SAME),
        "backend": "nccl" if place.device == "cuda" else "gloo", "ranks": world,
    }  # fmt: skip
    yield check("loss", abs(loss - alone[1]) / alone[1], SAME)


if __name__ == "__main__":
    base, file, accelerator = sys.argv[1:]
    world = world_of(accelerator)
    gradient, loss = learn(base, accelerator, world, strategy="ddp")
    if int(torch.distributed.get_rank() if torch.distributed.is_initialized() else 0) == 0:
        torch.save([world, gradient, loss], file)
