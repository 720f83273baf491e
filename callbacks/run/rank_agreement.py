"""What the ranks of a run tell each other, so that all of them stop, and write a checkpoint, at the same step."""

from __future__ import annotations

import os
import signal
import socket
from typing import Any, NamedTuple

import torch
from lightning.pytorch import Trainer

REQUEUE = 64
"""Stands for SIGUSR1 between ranks: above all signals' numbers."""


class Agreed(NamedTuple):
    """What all ranks do."""

    signum: int
    """The signal to stop at, or 0."""
    due: bool
    """Whether it is time to write a checkpoint."""


def encode(agreed: Agreed) -> int:
    """Return a number of which the largest of all ranks is what they do.

    A requeue wins over the SIGTERM that SLURM may send right behind it: another rank can have got that one first.

    >>> encode(Agreed(signal.SIGUSR1, False)) > encode(Agreed(signal.SIGTERM, True)) > encode(Agreed(0, True))
    True
    """
    number = REQUEUE if agreed.signum == signal.SIGUSR1 else agreed.signum
    return 2 * number + agreed.due


def decode(number: int) -> Agreed:
    """Return what `encode` made a number of.

    >>> decode(encode(Agreed(15, True)))
    Agreed(signum=15, due=True)
    """
    signum = number >> 1
    return Agreed(int(signal.SIGUSR1) if signum == REQUEUE else signum, bool(number & 1))


def agree(trainer: Trainer, signum: int, due: bool) -> Agreed:
    """Return, the same on all ranks, the signal that any of them got, and whether it is time by rank 0's clock.

    Every rank must call it.

    Args:
        trainer: The trainer.
        signum: The signal that this rank got, or 0.
        due: Whether it is time by this rank's clock.
    """
    own = Agreed(signum, due and trainer.is_global_zero)
    if trainer.world_size == 1:
        return own
    number = torch.tensor(encode(own), device=trainer.strategy.root_device)
    return decode(int(trainer.strategy.reduce(number, reduce_op="max")))


def gather(trainer: Trainer, item: Any) -> list[Any]:
    """Return what all ranks have, in their order. Every rank must call it."""
    if trainer.world_size == 1:
        return [item]
    items: list[Any] = [None] * trainer.world_size
    torch.distributed.all_gather_object(items, item)
    return items


def find_peers(trainer: Trainer) -> list[int]:
    """Return the process ids of the other ranks on this machine. Every rank must call it."""
    ranks = gather(trainer, (socket.gethostname(), os.getpid()))
    host, own = ranks[trainer.global_rank]
    return [pid for name, pid in ranks if name == host and pid != own]
