"""Skip optimizer steps whose loss or gradients are not finite. Pure torch."""

from __future__ import annotations

from typing import Any

from torch import Tensor
from torch.optim import Adam, AdamW, Optimizer


def leave_out(optimizer: Optimizer, when: Tensor) -> None:
    """Make the optimizer's next step change neither weights nor optimizer state if `when` is true.

    Fused Adam and AdamW read `when` on the device, as they do for `torch.amp.GradScaler`, without synchronization. (Fused
    SGD does, too, but leaves its momentum uninitialized if the first step is skipped.) All other optimizers skip
    parameters without a gradient; for them the value must be read on the host first.

    Args:
        optimizer: About to step; its gradients are computed.
        when: () bool, on the parameters' device, equal on all ranks.
    """
    if isinstance(optimizer, Adam | AdamW) and optimizer.defaults.get("fused"):
        fused: Any = optimizer  # PyTorch does not declare the attribute that its gradient scaler sets
        fused.found_inf = when.float()
    elif when:
        for group in optimizer.param_groups:
            for parameter in group["params"]:
                parameter.grad = None
