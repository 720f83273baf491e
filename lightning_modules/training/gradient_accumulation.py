"""What an optimizer step learns from: its micro-batches' loss sums and token numbers, and gradients of their mean. Pure torch."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor


class GradientWindow:
    """Loss sum and supervised tokens of the open accumulation window on this rank.

    No module with a buffer: DDP copies rank 0's buffers over everybody's.
    """

    def __init__(self) -> None:
        self.sums = torch.zeros(2)

    def add(self, loss_sum: Tensor, count: Tensor) -> None:
        """Add a micro-batch: the sum of its token losses and its number of supervised tokens, both scalars."""
        self.sums = self.sums.to(loss_sum.device) + torch.stack([loss_sum.detach(), count.to(loss_sum.dtype)])

    def close(
        self,
        gradients: Sequence[Tensor],
        reduce: Callable[[Tensor], Tensor],
        parts: int,
        max_norm: float | None,
        may_overflow: bool,
    ) -> tuple[Tensor, Tensor]:
        """Turn gradients of the window's sum into gradients of its token mean, in place, and begin a new window.

        A window without tokens keeps its gradients, which are zero. Nothing waits for a GPU.

        Args:
            gradients: Averaged over the ranks, and over the micro-batches; that is undone.
            reduce: Sums a tensor over all ranks.
            parts: Ranks x micro-batches that they are an average of.
            max_norm: Clip the mean's gradients to this norm, in the same pass over them; None or 0: do not.
            may_overflow: Gradients that are not finite are no reason to leave the step out: somebody else looks after them.

        Returns:
            The mean loss of a token over all ranks in nats, and whether the loss or the gradients are not finite on any of
            them, () bool.
        """
        norm = torch.nn.utils.get_total_norm(gradients)
        overflow = (~norm.isfinite() & (not may_overflow)).to(self.sums).view(1)
        loss_sum, tokens, overflows = reduce(torch.cat([self.sums, overflow])).unbind()
        self.sums = torch.zeros_like(self.sums)
        tokens = tokens.clamp(min=1)
        factor = parts / tokens
        if max_norm:
            factor = factor * (max_norm / (norm * factor + 1e-6)).clamp(max=1.0)
        torch._foreach_mul_(list(gradients), factor)
        return loss_sum / tokens, (overflows > 0) | ~loss_sum.isfinite()
