"""What `python -m bench` measures: which trainers on which workloads, and the arguments of the other sections."""

from __future__ import annotations

import random
from typing import NamedTuple


class Case(NamedTuple):
    """One comparison of trainers."""

    shape: str
    format: str
    rows: int
    batch_size: int
    precision: str
    """`fp32`, or `native`: bf16 on a CPU with units for it, as `python train.py fit` chooses."""
    trainers: tuple[str, ...]
    """In the order of the page; they run in another in each round."""


OURS = ("patois", "patois-fast")
FASTEST = ("hf-best", "hf-compiled")
"""The peers of every case: of those that were tried on every shape, these are the fastest."""
PADDED = ("trl-default", "trl-best", *FASTEST)
PACKED = ("trl-packed", "trl-wrapped")

CASES: tuple[Case, ...] = (
    Case(
        "builtin", "arrow", 512, 16, "native",
        (*OURS, "patois-packed", "bare", *PADDED, "hf-sdpa", *PACKED, "litgpt"),
    ),
    Case("builtin", "alpaca", 512, 16, "native", (*OURS, "patois-packed", *PADDED, "trl-wrapped")),
    Case("builtin", "arrow", 512, 16, "fp32", (*OURS, "bare", *FASTEST)),
    Case("smollm2-135m", "arrow", 32, 8, "native", (*OURS, "bare", *PADDED, "litgpt")),
    Case("smollm2-135m", "alpaca", 32, 8, "native", (*OURS, *FASTEST)),
    Case("opt-125m", "arrow", 32, 8, "native", (*OURS, "bare", *PADDED)),
    Case("opt-125m", "alpaca", 32, 8, "native", (*OURS, *FASTEST)),
)  # fmt: skip
"""The first case has every peer, each shape those that are not packed. litgpt does not know OPT."""

PARTS = ("data", "forward", "backward", "clipping", "optimizer")
"""Of a training step. `data`: a batch is laid together of rows that are tokens already. `optimizer`: AdamW, fused, and
dropping the gradients."""

SECTIONS = ("training", "mfu", "generation", "metrics", "data", "startup", "scaling")
WORDS: dict[str, tuple[tuple[str, ...], ...]] = {
    "mfu": (
        ("--shape", "smollm2-135m"), ("--shape", "smollm2-135m", "--precision", "bf16"), ("--shape", "opt-125m"),
        ("--shape", "builtin", "--rows", "512"),
    ),
}  # fmt: skip
"""Arguments of each measurement of a section, where it has any."""


def order_of(names: tuple[str, ...], round_number: int) -> list[str]:
    """Return names shuffled by the round, so that none always runs first or after the same one."""
    return random.Random(round_number).sample(names, len(names))


def place_of(trainer: str) -> int:
    """Return where a trainer stands in a table: in the order of the cases, unknown ones last."""
    names = [name for case in CASES for name in case.trainers]
    return names.index(trainer) if trainer in names else len(names)
