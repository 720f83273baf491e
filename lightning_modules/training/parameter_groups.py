"""Which parameters are trained with weight decay, and which without. Pure torch."""

from __future__ import annotations

from typing import Any

import torch


def group_parameters(module: torch.nn.Module) -> list[dict[str, Any]]:
    """Return the parameters that are trained in two groups, as an optimizer takes them; a group without any is left out.

    Matrices come first, with the optimizer's own weight decay; norms and biases have none.
    """
    parameters = [p for p in module.parameters() if p.requires_grad]
    matrices = {"params": [p for p in parameters if p.ndim >= 2]}
    vectors = {"params": [p for p in parameters if p.ndim < 2], "weight_decay": 0.0}
    return [group for group in (matrices, vectors) if group["params"]]
