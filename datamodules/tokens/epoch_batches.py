"""An epoch's training rows and batches: pure functions of (seed, epoch)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datamodules.tokens.batching import BatchDataset, plan_training
from datamodules.tokens.examples import Encoded
from datamodules.tokens.mixing import draw_by_shares

EncodeEpoch = Callable[[int], tuple[Encoded, NDArray[np.int64]]]
"""Returns the tokens of an epoch's training rows, and each row's index among all training rows."""


class TrainingBatches(BatchDataset):
    """Training batches, planned again each epoch; texts are rendered again only if they vary.

    Args:
        encode: Returns an epoch's rows.
        batch_size: Rows per step on each rank.
        world_size: Number of ranks that share the batches.
        seed: Seed of the order.
        epoch: The first epoch: workers start to load before Lightning sets the epoch.
        options: Options of `BatchDataset`.
    """

    def __init__(
        self,
        encode: EncodeEpoch,
        *,
        batch_size: int,
        world_size: int,
        seed: int,
        epoch: int = 0,
        **options: Any,
    ) -> None:
        self.encode = encode
        self.batch_size, self.world_size, self.seed, self.epoch = batch_size, world_size, seed, epoch
        encoded, row_ids = encode(epoch)
        super().__init__(encoded, [], row_ids=row_ids, **options)
        self._plan()

    def set_epoch(self, epoch: int) -> None:
        """Plan the epoch's batches; the same epoch always gets the same batches."""
        if epoch != self.epoch:
            self.epoch = epoch
            self.encoded, self.row_ids = self.encode(epoch)
            self._plan()

    def _plan(self) -> None:
        self.plan = plan_training(
            self.encoded.lengths,
            self.batch_size,
            self.world_size,
            self.seed,
            self.epoch,
            by_length=self.pack_to is None,
        )


def choose_epoch_rows(
    tasks: NDArray[np.int64],
    weights: Sequence[float] | None,
    seed: int,
    epoch: int,
    most: int | None = None,
    adaptive: Sequence[float] | None = None,
) -> NDArray[np.int64]:
    """Return the training rows of an epoch: all rows, or each task's share if tasks have weights.

    With weights, the task with the fewest rows relative to its weight shows all its rows in each epoch. The other tasks show
    a new random subset in each epoch, so that the numbers of rows have the ratio of the weights. A task of weight 0 shows none.

    Args:
        tasks: (N,) the number of each training row's task.
        weights: One weight per task, or None.
        seed: Seed of the random subsets.
        epoch: The epoch.
        most: Maximum number of rows in an epoch, drawn again for each epoch.
        adaptive: The shares of adaptive sampling, in place of the weights.

    Examples:
        >>> tasks = np.array([0, 0, 0, 0, 1, 1])
        >>> choose_epoch_rows(tasks, None, seed=0, epoch=0).tolist()
        [0, 1, 2, 3, 4, 5]
        >>> tasks[choose_epoch_rows(tasks, [1.0, 1.0], seed=0, epoch=0)].tolist()  # equally many rows of each task
        [0, 0, 1, 1]
    """
    if adaptive is not None:
        total = len(tasks) if most is None else min(most, len(tasks))
        return draw_by_shares(tasks, adaptive, seed, epoch, total)
    counts = np.bincount(tasks, minlength=len(weights or ()))
    trained = np.flatnonzero(np.ones(len(counts)) if weights is None else np.array(weights))
    if weights is None or len(trained) == 1 or not counts[trained].all():
        if most is None or most >= len(tasks):
            return np.arange(len(tasks))
        return np.sort(np.random.default_rng([seed, epoch]).permutation(len(tasks))[:most])
    shares = np.array(weights) / sum(weights)
    total = min((counts[trained] / shares[trained]).min(), np.inf if most is None else most)
    chosen = []
    for task, share in zip(trained.tolist(), shares[trained], strict=True):
        members = np.flatnonzero(tasks == task)
        rng = np.random.default_rng([seed, epoch, task])
        take = min(len(members), max(1, round(total * share)))
        chosen.append(members if take == len(members) else np.sort(rng.permutation(members)[:take]))
    return np.concatenate(chosen)
