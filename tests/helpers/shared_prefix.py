"""Rows that begin with the same tokens."""

from __future__ import annotations

import torch

from tests.helpers.tiny import VOCABULARY

PREFIX = 20
LENGTHS = (40, 25, 30, 38, 23)


def make_batch() -> dict[str, torch.Tensor | int]:
    """Rows that begin with the same tokens, more of them than the local attentions' window of 8."""
    generator = torch.Generator().manual_seed(0)
    ids = torch.randint(5, VOCABULARY, (len(LENGTHS), max(LENGTHS)), generator=generator)
    ids[:, :PREFIX] = ids[:1, :PREFIX]
    labels = ids.clone()
    labels[:, : PREFIX + 2] = -100
    for row, length in enumerate(LENGTHS):
        ids[row, length:], labels[row, length:] = 0, -100
    return {"input_ids": ids, "labels": labels, "prefix_length": PREFIX}
