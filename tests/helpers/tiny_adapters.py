"""A batch, pairs and a short training, for the tests of adapters."""

from __future__ import annotations

from typing import Any

import torch

from lightning_modules.training.loss import supervised_loss

TOKENS = ["[C@@H]", "[nH]", "[O-]"]


PAIRS = [
    ("C[C@@H](O)N:", "alcohol"), ("c1cc[nH]c1:", "pyrrole"), ("CC(=O)[O-]:", "acetate [O-]"),
    ("CCO:", "ethanol"), ("name [nH]:", "[nH]c1cccc1"), ("C[C@@H]:", "[C@@H]"),
]  # fmt: skip


def batch() -> tuple[torch.Tensor, torch.Tensor]:
    """Ids and labels of three rows."""
    ids = torch.randint(5, 280, (3, 12), generator=torch.Generator().manual_seed(1))
    labels = ids.clone()
    labels[:, :4] = -100
    return ids, labels


def train_a_little(decoder: Any) -> None:
    """Ten steps on whatever is trained."""
    optimizer = torch.optim.AdamW([p for p in decoder.parameters() if p.requires_grad], lr=1e-2)
    for _ in range(10):
        optimizer.zero_grad()
        supervised_loss(decoder, *batch())[0].backward()
        optimizer.step()
