"""From examples to batches: which rows form a batch, in which order, padded or packed. Pure except for the sampler.

Legend: B rows of a batch, T tokens of its longest row, P tokens of its longest prompt, N rows, W ranks.
The order depends only on (seed, epoch): never on the worker, the rank or the clock.
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

from datamodules.tokens.choice_tokens import ChoiceTokens
from datamodules.tokens.examples import IGNORE_INDEX, Encoded, LossOn
from datamodules.tokens.packing import pack, pad, pad_prompts

FILLER = -1
"""Row index of a filler row, which only gives a rank a batch and is never counted."""
POOL_BATCHES = 4
"""Decoder batches per evaluation batch: the decoder replaces finished rows by waiting ones."""
BUCKET_BATCHES = 50
"""Batches whose rows are sorted by length together: less padding, and the order stays nearly random."""


class Batch(TypedDict, total=False):
    """The model's input. It holds no text: texts stay in the data module and are looked up by row index."""

    input_ids: Tensor
    """(B, T) int64, padded on the right; packed: (packs, capacity)."""
    labels: Tensor
    """(B, T) int64, `IGNORE_INDEX` for unsupervised tokens."""
    row_index: Tensor
    """(B,) int64, the indices of the batch's rows; `FILLER` for a filler row."""
    attention_mask: Tensor
    """Packed only: (packs, 1, T, T) float, 0 where attention is allowed and the lowest float elsewhere."""
    position_ids: Tensor
    """Packed only: (packs, T) int64, restarting at 0 with each row."""
    prefix_length: int
    """Only padded training batches with unsupervised prompts: the number of first tokens that all rows share; each prompt
    keeps at least one token after them."""
    prompt_ids: Tensor
    """Evaluation only: (B, P) int64, padded on the left, for generation."""
    prompt_mask: Tensor
    """Evaluation only: (B, P) int64, 0 on padding."""
    slots: int
    """Evaluation only: the number of rows to decode at once."""
    choice_ids: Tensor
    """Rows with choices only: (C, L) int64, each choice's completion with its stop token, padded on the right."""
    choice_lengths: Tensor
    """Rows with choices only: (C,) int64, the number of tokens of each choice."""
    choice_row: Tensor
    """Rows with choices only: (C,) int64, each choice's row in the batch, ascending."""
    null_ids: Tensor
    """Rows with choices only: (B, P) int64, padded on the left: the prompts without an input."""
    null_mask: Tensor
    """Rows with choices only: (B, P) int64, 0 on padding."""


def plan_training(
    lengths: NDArray[np.int64],
    batch_size: int,
    world_size: int,
    seed: int,
    epoch: int,
    by_length: bool = True,
) -> list[NDArray[np.int64]]:
    """Return each rank's training batches: element `step * world_size + rank` holds a rank's rows at a step.

    Rows are shuffled, sorted by length within buckets of `BUCKET_BATCHES` batches and cut into global batches, which are
    shuffled. Every row occurs exactly once per epoch. A global batch is distributed to the ranks row by row, so that their
    rows are about equally long. The last global batch can leave ranks without rows (an empty array).

    Without `by_length`, a batch's rows are drawn at random. Packed rows use this, as different lengths waste nothing there:
    all steps have about equally many tokens and are as mixed as the data.

    Examples:
        >>> plan = plan_training(np.array([5, 9, 3, 7, 4]), batch_size=2, world_size=2, seed=0, epoch=0)
        >>> sorted(row for rows in plan for row in rows.tolist())  # every row once over all steps and ranks
        [0, 1, 2, 3, 4]
    """
    rng = np.random.default_rng([seed, epoch])
    order = rng.permutation(len(lengths))
    global_size = batch_size * world_size
    bucket_size = global_size * (BUCKET_BATCHES if by_length else 1)
    batches = []
    for start in range(0, len(order), bucket_size):
        rows = order[start : start + bucket_size]
        rows = rows[np.argsort(lengths[rows], kind="stable")]
        batches += [rows[first : first + global_size] for first in range(0, len(rows), global_size)]
    return [
        batches[number][rank::world_size]
        for number in rng.permutation(len(batches))
        for rank in range(world_size)
    ]


def plan_evaluation(lengths: NDArray[np.int64], batch_size: int, world_size: int) -> list[NDArray[np.int64]]:
    """Return each rank's evaluation batches, longest rows first, equally many for every rank (some may be empty).

    A batch has up to `POOL_BATCHES * batch_size` rows, and at each step the ranks' batches differ by at most one row.
    Unlike PyTorch's `DistributedSampler`, this function repeats no row to make the ranks' shares equal, so no row counts
    twice.

    Examples:
        >>> [rows.tolist() for rows in plan_evaluation(np.array([5, 9, 3, 7, 4]), batch_size=1, world_size=2)]
        [[1, 0, 2], [3, 4]]
    """
    order = np.argsort(-lengths, kind="stable")
    steps = -(-len(order) // (POOL_BATCHES * batch_size * world_size))
    batches = np.array_split(order, steps) if steps else []
    return [batch[rank::world_size] for batch in batches for rank in range(world_size)]


def drop_answered(
    plan: Sequence[NDArray[np.int64]], answered: NDArray[np.bool_], world_size: int
) -> list[NDArray[np.int64]]:
    """Return an evaluation's batches without rows that have their answers; the other rows stay together as they were.

    So a command that goes on makes the batches that it would have made. At least one step stays, so that the end is reached.

    Args:
        plan: Each rank's batches, step by step.
        answered: (N,) whether a row has its answer.
        world_size: Number of ranks.

    Examples:
        >>> plan = [np.array([1, 0]), np.array([2]), np.array([3]), np.array([4])]
        >>> [rows.tolist() for rows in drop_answered(plan, np.array([True, True, True, True, False]), 2)]
        [[], [4]]
    """
    left = [rows[~answered[rows]] for rows in plan]
    steps = [left[start : start + world_size] for start in range(0, len(left), world_size)]
    kept = [step for step in steps if any(map(len, step))] or steps[:1]
    return [rows for step in kept for rows in step]


def shared_prefix(prompts: Sequence[NDArray[np.int32]]) -> int:
    """Return the length in tokens of the longest prefix that all prompts share and that is shorter than each prompt.

    So each prompt keeps at least one token of its own, and the first supervised token is predicted at such a token, never at
    the shared prefix. With an empty prompt, the length is 0.

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
        choices: ChoiceTokens | None = None,
    ) -> None:
        """Keep the examples and the plan.

        Args:
            encoded: N examples.
            plan: Row numbers of each batch.
            pad_id: Padding token; its positions are never supervised and never attended to.
            loss_on: Which tokens are supervised.
            with_prompts: Add `prompt_ids` and `prompt_mask` for generation.
            pack_to: Pack several rows into sequences of at most this many tokens instead of padding each row.
            slots: Number of rows of an evaluation batch to decode at once.
            row_ids: (N,) each example's value in `row_index`; by default its number.
            choices: The choices of the N examples, where any has some.
        """
        self.encoded, self.plan, self.pad_id = encoded, plan, pad_id
        self.loss_on, self.with_prompts, self.slots = loss_on, with_prompts, slots
        self.pack_to, self.choices = pack_to, choices
        self.row_ids = np.arange(len(encoded)) if row_ids is None else row_ids

    def set_epoch(self, epoch: int) -> None:
        """Plan an epoch's batches; evaluation uses the same batches in every epoch."""

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
            batch["prompt_ids"], batch["prompt_mask"] = pad_prompts(prompts, self.pad_id)
        if self.slots is not None:
            batch["slots"] = self.slots
        if self.choices is not None and not filler:
            batch.update(lay_choices(self.choices.of_rows(rows), self.pad_id))
        return batch


def lay_choices(choices: ChoiceTokens, pad_id: int) -> Batch:
    """Return the choices of a batch's rows as tensors; nothing if no row has any."""
    if not len(choices.codes):
        return Batch()
    ids = [choices.completions.example(code) for code in choices.codes.tolist()]
    null_ids, null_mask = pad_prompts(
        [choices.nulls.prompt(code) for code in choices.null_codes.tolist()], pad_id
    )
    return Batch(
        choice_ids=pad(ids, pad_id),
        choice_lengths=torch.from_numpy(choices.completions.lengths[choices.codes]),
        choice_row=torch.from_numpy(choices.row_of_choice),
        null_ids=null_ids,
        null_mask=null_mask,
    )


def leave_signals_to_parent(worker: int) -> None:
    """Keep a loader's worker alive when a signal stops the whole process group: its rank has a step to finish.

    The worker ends with its rank: its rank stops it, or it notices that its parent has ended.
    """
    for signum in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signum, signal.SIG_IGN)


class RankSampler(DistributedSampler[int]):
    """Gives a rank every W-th batch of a plan for W ranks.

    It is a `DistributedSampler` so that Lightning sets its epoch and does not replace it (Lightning's own sampler repeats
    rows).
    """

    def __init__(
        self, dataset: BatchDataset, num_replicas: int, rank: int, epoch: int = 0, start: int = 0
    ) -> None:
        """Keep the dataset; its length must be a multiple of `num_replicas`.

        Args:
            dataset: The batches of all ranks.
            num_replicas: Number of ranks.
            rank: This rank.
            epoch: The epoch that the dataset has planned.
            start: Number of this rank's batches to skip in that epoch because the run has trained on them already.
        """
        super().__init__(dataset, num_replicas=num_replicas, rank=rank, shuffle=False)
        self.epoch, self.start = epoch, start
        assert len(dataset) % num_replicas == 0, (
            "ranks with unequal numbers of batches would wait for each other forever"
        )
        self.batches = dataset

    def set_epoch(self, epoch: int) -> None:
        """Make the dataset plan this epoch's batches, if its plan depends on the epoch."""
        if epoch != self.epoch:
            self.start = 0
        super().set_epoch(epoch)
        self.batches.set_epoch(epoch)

    def __iter__(self) -> Iterator[int]:
        return iter(range(self.rank + self.start * self.num_replicas, len(self.batches), self.num_replicas))

    def __len__(self) -> int:
        return len(self.batches) // self.num_replicas
