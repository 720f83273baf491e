"""Communication between the ranks of a run, so that all stop and write checkpoints at the same step."""

from __future__ import annotations

import os
import signal
import socket
from typing import Any, NamedTuple

import torch
from lightning.pytorch import Trainer

REQUEUE = 64
"""Encodes SIGUSR1 between ranks: larger than any signal number."""
_SIGUSR1 = int(getattr(signal, "SIGUSR1", 0))  # 0, no signal, on Windows


class Agreed(NamedTuple):
    """The decision that all ranks follow."""

    signum: int
    """The signal that stops the run, or 0."""
    due: bool
    """Whether it is time to write a checkpoint."""


def encode(agreed: Agreed) -> int:
    """Encode a rank's wish as a number; the largest number of all ranks is their decision.

    A requeue signal outranks SIGTERM: SLURM may send SIGTERM right after it, and another rank may receive that first.

    >>> encode(Agreed(signal.SIGUSR1, False)) > encode(Agreed(signal.SIGTERM, True)) > encode(Agreed(0, True))
    True
    """
    number = REQUEUE if agreed.signum and agreed.signum == _SIGUSR1 else agreed.signum
    return 2 * number + agreed.due


def decode(number: int) -> Agreed:
    """Return the decision that `encode` turned into a number.

    >>> decode(encode(Agreed(15, True)))
    Agreed(signum=15, due=True)
    """
    signum = number >> 1
    return Agreed(_SIGUSR1 if signum == REQUEUE else signum, bool(number & 1))


def agree(trainer: Trainer, signum: int, due: bool) -> Agreed:
    """Return the same decision on all ranks: the signal that any rank received, and whether rank 0 is due to write.

    Every rank must call it.

    Args:
        trainer: The trainer.
        signum: The signal that this rank received, or 0.
        due: Whether a checkpoint is due by this rank's clock; only rank 0's value counts.
    """
    own = Agreed(signum, due and trainer.is_global_zero)
    if trainer.world_size == 1:
        return own
    number = torch.tensor(encode(own), device=trainer.strategy.root_device)
    return decode(int(trainer.strategy.reduce(number, reduce_op="max")))


def gather(trainer: Trainer, item: Any) -> list[Any]:
    """Return the items of all ranks, in rank order. Every rank must call it."""
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
