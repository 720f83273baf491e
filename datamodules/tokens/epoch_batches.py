"""An epoch's training rows and batches: pure functions of (seed, epoch)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from datamodules.tokens.batching import BatchDataset, plan_training

if TYPE_CHECKING:
    from datamodules.sequence_task import SequenceTaskDataModule


class TrainingBatches(BatchDataset):
    """Training batches, planned anew each epoch; texts are rendered anew only where they vary."""

    def __init__(self, data: SequenceTaskDataModule, epoch: int = 0, **options: Any) -> None:
        """Plan an epoch: workers begin to load before Lightning says which one it is."""
        self.data = data
        encoded, row_ids = data.encode_training(epoch)
        super().__init__(encoded, [], row_ids=row_ids, **options)
        self.epoch = epoch
        self._plan()

    def set_epoch(self, epoch: int) -> None:
        """Plan the epoch's batches; the same epoch always gets the same."""
        if epoch != self.epoch:
            self.epoch = epoch
            self.encoded, self.row_ids = self.data.encode_training(epoch)
            self._plan()

    def _plan(self) -> None:
        batch_size, world_size = self.data.batch_size, self.data.world_size
        self.plan = plan_training(
            self.encoded.lengths,
            batch_size,
            world_size,
            self.data.seed,
            self.epoch,
            by_length=self.pack_to is None,
        )


def choose_epoch_rows(
    tasks: NDArray[np.int64],
    weights: Sequence[float] | None,
    seed: int,
    epoch: int,
    most: int | None = None,
) -> NDArray[np.int64]:
    """Return which training rows an epoch shows: all, or each task's share when tasks have weights.

    With weights, the task that is shortest of rows for its weight shows all of them each epoch, and the others a
    new draw each epoch, so that the tasks' rows stand in the ratio of their weights.

    Args:
        tasks: (N,) the number of each training row's task.
        weights: A weight a task, or None.
        seed: Seed of the draws.
        epoch: The epoch.
        most: Most rows of an epoch, drawn anew each epoch.
    """
    counts = np.bincount(tasks, minlength=len(weights or ()))
    if weights is None or len(weights) == 1 or not counts.all():
        if most is None or most >= len(tasks):
            return np.arange(len(tasks))
        return np.sort(np.random.default_rng([seed, epoch]).permutation(len(tasks))[:most])
    shares = np.array(weights) / sum(weights)
    total = min((counts / shares).min(), np.inf if most is None else most)
    chosen = []
    for task, share in enumerate(shares):
        members = np.flatnonzero(tasks == task)
        rng = np.random.default_rng([seed, epoch, task])
        take = min(len(members), max(1, round(total * share)))
        chosen.append(members if take == len(members) else np.sort(rng.permutation(members)[:take]))
    return np.concatenate(chosen)
