"""From examples to batches: which rows stand together, in which order, padded or packed. Pure but for the sampler.

Legend: B rows of a batch, T tokens of its longest row, P tokens of its longest prompt, N rows, W ranks.
The order is a function of (seed, epoch) alone: never of the worker, the rank or the clock.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator, Sequence
from typing import TypedDict

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset, DistributedSampler

from datamodules.tokens.examples import IGNORE_INDEX, Encoded, LossOn
from datamodules.tokens.packing import pack, pad

FILLER = -1
"""Row index of a row that is only there so that every rank has a batch; it is counted nowhere."""
POOL_BATCHES = 4
"""Batches in a pool of evaluation rows: the decoder lets waiting rows take the place of finished ones."""
BUCKET_BATCHES = 50
"""Batches that are sorted by length together: less padding, and still nearly random order."""


class Batch(TypedDict, total=False):
    """What the model gets; all tensors, texts stay in the data module and are looked up by row index."""

    input_ids: Tensor
    """(B, T) int64, padded on the right; packed: (packs, capacity)."""
    labels: Tensor
    """(B, T) int64, `IGNORE_INDEX` where not supervised."""
    row_index: Tensor
    """(B,) int64, the rows that are in it; `FILLER` for a filler row."""
    attention_mask: Tensor
    """Packed only: (packs, 1, T, T) float, 0 where attention is allowed and the lowest float elsewhere."""
    position_ids: Tensor
    """Packed only: (packs, T) int64, starting anew with each row."""
    prefix_length: int
    """Padded training batches with unsupervised prompts only: how many first tokens all rows share, each prompt keeping
    one of its own."""
    prompt_ids: Tensor
    """Evaluation only: (B, P) int64, padded on the left, for generation."""
    prompt_mask: Tensor
    """Evaluation only: (B, P) int64, 0 on padding."""
    slots: int
    """Evaluation only: how many of the rows to run at once."""


def plan_training(
    lengths: NDArray[np.int64],
    batch_size: int,
    world_size: int,
    seed: int,
    epoch: int,
    by_length: bool = True,
) -> list[NDArray[np.int64]]:
    """Return each rank's training batches: element `step * world_size + rank` is a rank's rows at a step.

    Rows are shuffled, sorted by length within windows of `BUCKET_BATCHES` batches, cut into global batches and
    those shuffled. Every row comes exactly once an epoch; ranks take turns within a global batch, so that their
    rows are about equally long. The last global batch can leave ranks without rows (an empty array).

    Without `by_length` a batch's rows are drawn at random: for packed rows, which waste nothing on unlike lengths, so that
    steps have about as many tokens and are as mixed as the data.

    Examples:
        >>> plan = plan_training(np.array([5, 9, 3, 7, 4]), batch_size=2, world_size=2, seed=0, epoch=0)
        >>> sorted(row for rows in plan for row in rows.tolist())  # every row once, over all steps and ranks
        [0, 1, 2, 3, 4]
    """
    rng = np.random.default_rng([seed, epoch])
    order = rng.permutation(len(lengths))
    window = batch_size * world_size * (BUCKET_BATCHES if by_length else 1)
    batches = []
    for start in range(0, len(order), window):
        rows = order[start : start + window]
        rows = rows[np.argsort(lengths[rows], kind="stable")]
        batches += [
            rows[first : first + batch_size * world_size]
            for first in range(0, len(rows), batch_size * world_size)
        ]
    return [
        batches[number][rank::world_size]
        for number in rng.permutation(len(batches))
        for rank in range(world_size)
    ]


def plan_evaluation(lengths: NDArray[np.int64], batch_size: int, world_size: int) -> list[NDArray[np.int64]]:
    """Return each rank's evaluation pools, longest rows first, as many for every rank (some may be empty).

    A pool has up to `POOL_BATCHES * batch_size` rows, and a rank's pools have as many as the others' but for one row.
    Unlike PyTorch's `DistributedSampler` no row is repeated to make the shards even, so no row counts twice.

    Examples:
        >>> [pool.tolist() for pool in plan_evaluation(np.array([5, 9, 3, 7, 4]), batch_size=1, world_size=2)]
        [[1, 0, 2], [3, 4]]
    """
    order = np.argsort(-lengths, kind="stable")
    steps = -(-len(order) // (POOL_BATCHES * batch_size * world_size))
    pools = np.array_split(order, steps) if steps else []
    return [pool[rank::world_size] for pool in pools for rank in range(world_size)]


def shared_prefix(prompts: Sequence[NDArray[np.int32]]) -> int:
    """Return how many tokens all prompts begin with, of those that leave each prompt at least one of its own.

    That one predicts nothing from the prefix, and the first supervised token is predicted from the row itself. Nothing is
    shared with an empty prompt.

    Examples:
        >>> shared_prefix([np.array([1, 2, 3, 4]), np.array([1, 2, 5])])
        2
        >>> shared_prefix([np.array([1, 2]), np.array([1, 2, 3])])  # the first prompt keeps its 2
        1
    """
    longest = max(0, min(len(prompt) for prompt in prompts) - 1)
    stacked = np.stack([prompt[:longest] for prompt in prompts])
    differs = (stacked != stacked[0]).any(axis=0)
    return int(differs.argmax()) if differs.any() else longest


class BatchDataset(Dataset[Batch]):
    """Item i is the i-th batch of the plan, ready for the model."""

    def __init__(
        self,
        encoded: Encoded,
        plan: Sequence[NDArray[np.int64]],
        pad_id: int,
        *,
        loss_on: LossOn = "completion",
        with_prompts: bool = False,
        pack_to: int | None = None,
        slots: int | None = None,
        row_ids: NDArray[np.int64] | None = None,
    ) -> None:
        """Keep the examples and the plan.

        Args:
            encoded: N examples.
            plan: Row numbers of each batch.
            pad_id: Token that fills; its positions are never supervised and never attended to.
            loss_on: Which tokens are supervised.
            with_prompts: Add `prompt_ids` and `prompt_mask`, for generation.
            pack_to: Lay several rows end to end in sequences of this many tokens, instead of padding each.
            slots: How many of an evaluation pool's rows to run at once.
            row_ids: (N,) what `row_index` calls each example; by default its number.
        """
        self.encoded, self.plan, self.pad_id = encoded, plan, pad_id
        self.loss_on, self.with_prompts, self.slots = loss_on, with_prompts, slots
        self.pack_to = pack_to
        self.row_ids = np.arange(len(encoded)) if row_ids is None else row_ids

    def set_epoch(self, epoch: int) -> None:
        """Plan an epoch's batches; evaluation has the same in all."""

    def __len__(self) -> int:
        return len(self.plan)

    def __getitem__(self, number: int) -> Batch:
        rows = self.plan[number]
        filler = not len(rows)
        if filler:
            rows = np.zeros(1, dtype=np.int64)
        ids = [self.encoded.example(row) for row in rows]
        labels = [self.encoded.labels(row, self.loss_on) for row in rows]
        if filler:
            labels = [np.full_like(label, IGNORE_INDEX) for label in labels]
        if self.pack_to is None:
            batch = Batch(input_ids=pad(ids, self.pad_id), labels=pad(labels, IGNORE_INDEX))
            if self.loss_on == "completion" and not self.with_prompts:
                batch["prefix_length"] = shared_prefix([self.encoded.prompt(row) for row in rows])
        else:
            batch = Batch(**pack(ids, labels, self.pack_to, self.pad_id))  # type: ignore[typeddict-item]
        batch["row_index"] = (
            torch.full((1,), FILLER) if filler else torch.from_numpy(self.row_ids[rows].astype(np.int64))
        )
        if self.with_prompts:
            prompts = [self.encoded.prompt(row) for row in rows]
            batch["prompt_ids"] = pad(prompts, self.pad_id, left=True)
            batch["prompt_mask"] = pad([np.ones_like(prompt) for prompt in prompts], 0, left=True)
        if self.slots is not None:
            batch["slots"] = self.slots
        return batch


def leave_signals_to_parent(worker: int) -> None:
    """Keep a loader's worker alive when a whole group of processes is told to stop: its rank has a step to finish.

    It ends with its rank: it is told to, or sees that its parent is gone.
    """
    for signum in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signum, signal.SIG_IGN)


class RankSampler(DistributedSampler[int]):
    """Gives a rank every W-th batch of a plan that was made for W ranks.

    It is a `DistributedSampler` so that Lightning leaves it in place (it would otherwise put its own, which
    repeats rows, on top) and tells it the epoch.
    """

    def __init__(
        self, dataset: BatchDataset, num_replicas: int, rank: int, epoch: int = 0, start: int = 0
    ) -> None:
        """Keep the dataset; its length must be a multiple of `num_replicas`.

        Args:
            dataset: The batches of all ranks.
            num_replicas: Ranks.
            rank: This rank.
            epoch: The epoch that the dataset has planned.
            start: This rank's batches to leave out in that epoch, because they were trained on before.
        """
        super().__init__(dataset, num_replicas=num_replicas, rank=rank, shuffle=False)
        self.epoch, self.start = epoch, start
        assert len(dataset) % num_replicas == 0, (
            "ranks with unequal numbers of batches wait for each other for ever"
        )
        self.batches = dataset

    def set_epoch(self, epoch: int) -> None:
        """Tell the dataset to plan this epoch's batches, if it plans by epoch."""
        if epoch != self.epoch:
            self.start = 0
        super().set_epoch(epoch)
        self.batches.set_epoch(epoch)

    def __iter__(self) -> Iterator[int]:
        return iter(range(self.rank + self.start * self.num_replicas, len(self.batches), self.num_replicas))

    def __len__(self) -> int:
        return len(self.batches) // self.num_replicas
