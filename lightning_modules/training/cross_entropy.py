"""Cross-entropy in little more memory than the logits themselves. Pure torch.

Letters in shapes: N supervised tokens, V vocabulary rows.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from lightning_modules.decoder.forward import widened

CHUNK, CPU_CHUNK = 2**26, 2**17
"""Logits in float32 at once: 256 MB; on a CPU half a megabyte, which fits in its cache (2.9 times as fast as PyTorch's
cross-entropy for 512 x 49,152 in bf16; 16 MB were 1.7 times as fast)."""


class _CrossEntropies(torch.autograd.Function):
    """Keeps the original logits and N normalizers, and recomputes the probabilities for the gradient.

    PyTorch's version keeps float32 log-probabilities of all logits and creates two more such tensors for the gradient.
    """

    @staticmethod
    def forward(ctx: Any, logits_NV: Tensor, targets_N: Tensor) -> Tensor:
        normalizer_N = _normalize(logits_NV)
        ctx.save_for_backward(logits_NV, targets_N, normalizer_N)
        return normalizer_N - logits_NV.gather(1, targets_N[:, None])[:, 0].to(normalizer_N.dtype)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient_N: Tensor) -> tuple[Tensor, None]:
        logits_NV, targets_N, normalizer_N = ctx.saved_tensors
        result_NV = torch.empty_like(logits_NV)
        for rows in _chunks(logits_NV):
            chunk = (logits_NV[rows].to(normalizer_N.dtype) - normalizer_N[rows, None]).exp_()
            target = targets_N[rows, None]
            chunk.scatter_add_(1, target, torch.full_like(target, -1, dtype=chunk.dtype))
            # in float32: fp16 would lose what its scale preserves
            result_NV[rows] = chunk.mul_(gradient_N[rows, None])
        return result_NV, None


def _normalize(logits_NV: Tensor) -> Tensor:
    """Return the logarithm of each row's sum of exponentials, (N,), in at least float32."""
    wide = widened(logits_NV.dtype)
    normalizer_N = torch.empty(len(logits_NV), dtype=wide, device=logits_NV.device)
    for rows in _chunks(logits_NV):
        normalizer_N[rows] = logits_NV[rows].to(wide).logsumexp(dim=1)
    return normalizer_N


def _chunks(logits_NV: Tensor) -> list[slice]:
    """Return slices of rows that hold at most `CHUNK` or `CPU_CHUNK` logits, but at least one row each."""
    rows, width = logits_NV.shape
    step = max(1, (CPU_CHUNK if logits_NV.device.type == "cpu" else CHUNK) // width)
    return [slice(first, first + step) for first in range(0, rows, step)]


def cross_entropies(logits_NV: Tensor, targets_N: Tensor) -> Tensor:
    """Return each token's cross-entropy in nats, (N,), with gradient.

    They are float32, or float64 for logits in float64.

    Their sum equals `F.cross_entropy(logits_NV.float(), targets_N, reduction="sum")` up to rounding. It takes logits instead of
    hidden states and a weight, so it is correct however an architecture computes or scales its logits.

    Args:
        logits_NV: In any floating-point type; the gradient has the same type.
        targets_N: int64, in [0, V).
    """
    losses_N: Tensor = _CrossEntropies.apply(logits_NV, targets_N)
    return losses_N


def cross_entropy_sum(logits_NV: Tensor, targets_N: Tensor) -> Tensor:
    """Return the sum of the cross-entropies in nats, a scalar; 0 without tokens. See `cross_entropies`."""
    return cross_entropies(logits_NV, targets_N).sum()
