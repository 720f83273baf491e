from __future__ import annotations

import os
import signal
import socket
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from callbacks.run import rank_agreement
from callbacks.run.rank_agreement import Agreed, agree, decode, encode, find_peers, gather

SIGNALS = [0, signal.SIGTERM, signal.SIGINT, signal.SIGUSR1, signal.SIGUSR2]


class Ranks:
    """A trainer of each rank, whose strategy takes the largest number of all of them."""

    def __init__(self, world: int) -> None:
        self.said: list[torch.Tensor] = []
        self.trainers: list[Any] = [
            SimpleNamespace(
                world_size=world,
                global_rank=rank,
                is_global_zero=rank == 0,
                strategy=SimpleNamespace(root_device=torch.device("cpu"), reduce=self._reduce),
            )
            for rank in range(world)
        ]

    def _reduce(self, number: torch.Tensor, reduce_op: str) -> torch.Tensor:
        assert reduce_op == "max"
        self.said.append(number)
        return torch.stack(self.said).max()

    def agree(self, own: list[tuple[int, bool]]) -> Agreed:
        """What the rank that is asked last, and so hears of all others, does."""
        self.said = []
        [*_, last] = [agree(trainer, *what) for trainer, what in zip(self.trainers, own, strict=True)]
        return last


@pytest.mark.parametrize("due", [False, True])
@pytest.mark.parametrize("signum", SIGNALS)
def test_a_number_holds_signal_and_time(signum: int, due: bool) -> None:
    assert decode(encode(Agreed(signum, due))) == (signum, due)


@pytest.mark.parametrize(
    ("own", "agreed"),
    [
        ([(0, False), (0, False)], (0, False)),
        ([(0, True), (0, False)], (0, True)),
        ([(0, False), (0, True)], (0, False)),  # rank 0's clock counts
        ([(0, False), (signal.SIGTERM, False)], (signal.SIGTERM, False)),
        ([(signal.SIGTERM, False), (signal.SIGUSR1, False)], (signal.SIGUSR1, False)),
        ([(signal.SIGUSR1, True), (signal.SIGTERM, True)], (signal.SIGUSR1, True)),
    ],
)
def test_all_ranks_do_the_same(own: list[tuple[int, bool]], agreed: tuple[int, bool]) -> None:
    assert Ranks(2).agree(own) == agreed


def test_one_rank_asks_nobody() -> None:
    ranks = Ranks(1)
    assert ranks.agree([(signal.SIGINT, True)]) == (signal.SIGINT, True)
    assert ranks.said == []
    assert gather(ranks.trainers[0], "mine") == ["mine"]


def test_peers_are_the_other_ranks_of_the_same_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    here, own = socket.gethostname(), os.getpid()
    ranks = [(here, 11), (here, own), ("elsewhere", 12), (here, 13)]
    monkeypatch.setattr(rank_agreement, "gather", lambda trainer, item: ranks)
    assert find_peers(Ranks(4).trainers[1]) == [11, 13]


def test_ranks_agree_where_there_is_no_sigusr1(monkeypatch: pytest.MonkeyPatch) -> None:
    from callbacks.run import rank_agreement

    monkeypatch.setattr(rank_agreement, "_SIGUSR1", 0)  # Windows
    for agreed in (Agreed(0, False), Agreed(0, True), Agreed(signal.SIGTERM, False)):
        assert decode(encode(agreed)) == agreed
