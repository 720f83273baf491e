"""Accumulate the loss sums and token counts of an optimizer step, and scale its gradients to the token mean. Pure torch."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from lightning_modules.decoder.sharding import own_part, whole


class GradientWindow:
    """Loss sum and number of supervised tokens of the current accumulation window on this rank.

    It is not a module with a buffer, because DDP copies rank 0's buffers to all ranks.
    """

    def __init__(self) -> None:
        self.sums = torch.zeros(2, dtype=torch.float32)

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
        """Convert gradients of the window's sum to gradients of its token mean, in place, and start a new window.

        A window without tokens keeps its gradients, which are zero. This method does not wait for a GPU.

        Args:
            gradients: Averaged over ranks and micro-batches; the average is undone.
            reduce: Sums a tensor over all ranks.
            parts: Ranks x micro-batches in the average.
            max_norm: Clip the mean's gradients to this norm, in the same pass; None or 0: no clipping.
            may_overflow: Ignore gradients that are not finite, because the gradient scaler handles them.

        Returns:
            The mean loss per token over all ranks in nats, and whether the loss or the gradients are not finite on any rank,
            () bool.
        """
        norm = whole(total_norm(gradients))
        overflow = (~norm.isfinite() & (not may_overflow)).to(self.sums).view(1)
        loss_sum, tokens, overflows = reduce(torch.cat([self.sums, overflow])).unbind()
        self.sums = torch.zeros_like(self.sums)
        tokens = tokens.clamp(min=1)
        factor = parts / tokens
        if max_norm:
            factor = factor * (max_norm / (norm * factor + 1e-6)).clamp(max=1.0)
        torch._foreach_mul_([own_part(gradient) for gradient in gradients], factor)
        return loss_sum / tokens, (overflows > 0) | ~loss_sum.isfinite()


def total_norm(gradients: Sequence[Tensor]) -> Tensor:
    """Return the norm of all gradients together, a scalar; that of bf16 and fp16 gradients is computed in float32.

    In fp16 a norm above 65,504 would be infinite, although no gradient is.
    """
    if any(gradient.dtype in (torch.bfloat16, torch.float16) for gradient in gradients):
        norms = [torch.linalg.vector_norm(gradient, dtype=torch.float32) for gradient in gradients]
        return torch.linalg.vector_norm(torch.stack([norm.to(norms[0].device) for norm in norms]))
    return torch.nn.utils.get_total_norm(gradients)
