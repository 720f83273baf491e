"""Leave out optimizer steps whose loss or gradients are not finite. Pure torch."""

from __future__ import annotations

from typing import Any

from torch import Tensor
from torch.optim import Adam, AdamW, Optimizer


def leave_out(optimizer: Optimizer, when: Tensor) -> None:
    """Let the optimizer's next step change nothing if `when` is true: neither weights nor its own state.

    Fused Adam and AdamW look at `when` on the device, as they do for `torch.amp.GradScaler`, so that nothing waits for
    it. (Fused SGD does, too, but leaves its momentum uninitialized when that is the first step.) Any other optimizer
    passes over parameters without a gradient; there the value has to be read first.

    Args:
        optimizer: About to step; its gradients are computed.
        when: () bool, on the parameters' device, equal on all ranks.
    """
    if isinstance(optimizer, Adam | AdamW) and optimizer.defaults.get("fused"):
        fused: Any = optimizer  # PyTorch does not declare what its gradient scaler sets
        fused.found_inf = when.float()
    elif when:
        for group in optimizer.param_groups:
            for parameter in group["params"]:
                parameter.grad = None
