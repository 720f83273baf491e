"""Adaptive mixing: the tasks' shares of the next epoch follow the validation losses. A function first, then its state."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

RATE = 0.5
"""The largest factor of one step is e^RATE = 1.65: a share needs several validations to double."""
BOOST = 2.0
"""With a target task, each task in turn has this many times its share for an epoch."""
MEMORY = 0.7
"""With a target task, the weight of earlier falls in the mean that a fall is compared with."""


def move_shares(shares: Sequence[float], gains: Sequence[float], least: Sequence[float]) -> list[float]:
    """Return the shares multiplied by e^(RATE * gain), none below its least; they sum to 1.

    Args:
        shares: One per task; they sum to 1. A share of 0 stays 0.
        gains: One per task, in [-1, 1].
        least: The least share of each task; they sum to at most 1.

    Examples:
        >>> [round(share, 3) for share in move_shares([0.5, 0.5, 0.0], [1.0, -1.0, 0.0], [0.05, 0.05, 0.0])]
        [0.731, 0.269, 0.0]
    """
    raised = np.array(shares) * np.exp(RATE * np.array(gains))
    floor = np.array(least)
    # What is left over the floors is shared out, so that no share has to be cut again.
    over = np.maximum(raised / raised.sum() - floor, 0.0)
    total = over.sum()
    free = 1.0 - floor.sum()
    moved = floor + (over / total * free if total > 0 else np.array(shares) * free)
    return [float(share) for share in moved]


def compare_falls(before: Sequence[float], now: Sequence[float]) -> list[float]:
    """Return each loss's relative fall, divided by the largest change of all: in [-1, 1]; 0 where a loss is no number.

    Examples:
        >>> compare_falls([2.0, 2.0, 1.0], [1.0, 2.0, 1.25])
        [1.0, 0.0, -0.5]
    """
    old, new = np.array(before), np.array(now)
    known = np.isfinite(old) & np.isfinite(new) & (old > 0)
    falls = np.zeros(len(old))
    falls[known] = (old[known] - new[known]) / old[known]
    largest = np.abs(falls).max(initial=0.0)
    return [float(fall) for fall in (falls / largest if largest > 0 else falls)]


class AdaptiveShares:
    """The tasks' shares in each epoch: a pure function of the validation losses so far, and so equal on all ranks.

    Without a target, a task gains by the relative fall of its own validation loss. With one, each task in turn has `BOOST`
    times its share for an epoch, and gains if the target's loss fell more than in the epochs before.

    Args:
        shares: The first shares, one per task; 0 for a task that is not trained.
        floor: The part of its first share that a task keeps, at least.
        target: The number of the task whose validation loss decides; None for each its own.
    """

    def __init__(self, shares: Sequence[float], floor: float, target: int | None = None) -> None:
        first = [share / sum(shares) for share in shares]
        self.least = [floor * share for share in first]
        self.target = target
        self.history: list[tuple[int, list[float]]] = [(0, first)]
        """The shares from each of these epochs on."""
        self.losses: list[float] | None = None
        """The losses of the latest validation."""
        self.usual: float | None = None
        """The mean of the target's relative falls, later ones weighing more."""

    def base(self, epoch: int) -> list[float]:
        """Return the shares of an epoch without the turn of a task."""
        return next(shares for first, shares in reversed(self.history) if first <= epoch)

    def turn(self, epoch: int) -> int | None:
        """Return the task whose turn it is in an epoch; None without a target."""
        trained = [task for task, share in enumerate(self.history[0][1]) if share > 0]
        return trained[epoch % len(trained)] if self.target is not None else None

    def at(self, epoch: int) -> list[float]:
        """Return the shares of an epoch, one per task; they sum to 1."""
        shares, turn = self.base(epoch), self.turn(epoch)
        if turn is None:
            return shares
        raised = [share * (BOOST if task == turn else 1.0) for task, share in enumerate(shares)]
        return [share / sum(raised) for share in raised]

    def note(self, losses: Sequence[float], epoch: int) -> None:
        """Take the losses of a validation within or after an epoch; they change the shares of the next one."""
        before, self.losses = self.losses, [float(loss) for loss in losses]
        if before is None:
            return
        shares = move_shares(self.base(epoch + 1), self._gains(before, epoch), self.least)
        self.history = [*(entry for entry in self.history if entry[0] <= epoch), (epoch + 1, shares)]

    def _gains(self, before: Sequence[float], epoch: int) -> list[float]:
        assert self.losses is not None
        if self.target is None:
            return compare_falls(before, self.losses)
        old, new = before[self.target], self.losses[self.target]
        fall = (old - new) / old if np.isfinite(old) and np.isfinite(new) and old > 0 else 0.0
        usual = fall if self.usual is None else self.usual
        self.usual = MEMORY * usual + (1 - MEMORY) * fall
        scale = max(abs(usual), abs(fall))
        gains = [0.0] * len(before)
        turn = self.turn(epoch)
        assert turn is not None
        gains[turn] = (fall - usual) / scale if scale > 0 else 0.0
        gains[turn] = min(1.0, max(-1.0, gains[turn]))
        return gains

    def state_dict(self) -> dict[str, Any]:
        """Return everything that later shares depend on, as plain values."""
        return {
            "history": [[epoch, list(shares)] for epoch, shares in self.history],
            "losses": self.losses,
            "usual": self.usual,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from a state."""
        self.history = [(int(epoch), list(shares)) for epoch, shares in state["history"]]
        self.losses, self.usual = state["losses"], state["usual"]


def draw_by_shares(
    tasks: NDArray[np.int64], shares: Sequence[float], seed: int, epoch: int, total: int
) -> NDArray[np.int64]:
    """Return `total` training rows of an epoch, each task's number of rows by its share.

    A task whose share exceeds its rows shows some of them again; no row is shown twice before all are shown once. The number of
    rows is the same in each epoch, so that the learning rate's schedule keeps its length.

    Args:
        tasks: (N,) the number of each training row's task.
        shares: One per task; they sum to 1.
        seed: Seed of the draw.
        epoch: The epoch.
        total: Number of rows.

    Examples:
        >>> tasks = np.array([0, 0, 0, 1, 1])
        >>> draw_by_shares(tasks, [0.6, 0.4], seed=0, epoch=0, total=5).tolist()
        [0, 1, 2, 3, 4]
        >>> np.bincount(tasks[draw_by_shares(tasks, [0.2, 0.8], seed=0, epoch=0, total=5)]).tolist()
        [1, 4]
    """
    counts = np.bincount(tasks, minlength=len(shares))
    wanted = np.array(shares) * (counts > 0) * total
    takes = np.floor(wanted + 1e-9).astype(np.int64)
    rest = total - int(takes.sum())
    takes[np.argsort(takes - wanted, kind="stable")[:rest]] += 1  # the largest remainders
    chosen = [np.zeros(0, dtype=np.int64)]
    for task in np.flatnonzero(takes * (counts > 0)).tolist():
        members = np.flatnonzero(tasks == task)
        whole, part = divmod(int(takes[task]), len(members))
        rng = np.random.default_rng([seed, epoch, task])
        some = rng.permutation(members)[:part] if part else members[:0]
        chosen.append(np.sort(np.concatenate([np.tile(members, whole), some])))
    return np.concatenate(chosen)
