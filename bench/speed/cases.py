"""What `python -m bench` measures: which trainers on which workloads, and the arguments of the other sections."""

from __future__ import annotations

from argparse import ArgumentTypeError
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
    """In the order of the page; they take turns in another, and are in memory together."""


OURS = ("patois", "patois-fast")
FASTEST = ("hf-best", "hf-compiled")
"""The peers of every case: of those that were tried on every shape, these are the fastest."""
PADDED = ("trl-default", "trl-best", *FASTEST)
PACKED = ("trl-packed", "trl-wrapped")

CASES: tuple[Case, ...] = (
    Case(
        "builtin", "arrow", 256, 16, "native",
        (*OURS, "patois-packed", "bare", *PADDED, "hf-sdpa", *PACKED, "litgpt"),
    ),
    Case("builtin", "alpaca", 256, 16, "native", (*OURS, "patois-packed", *PADDED, "trl-wrapped")),
    Case("builtin", "arrow", 256, 16, "fp32", (*OURS, "bare", *FASTEST)),
    Case("smollm2-135m", "arrow", 32, 8, "native", (*OURS, *FASTEST)),
    Case("smollm2-135m", "arrow", 32, 8, "native", ("patois", "bare", "trl-default", "trl-best")),
    Case("smollm2-135m", "arrow", 32, 8, "native", ("patois", "hf-sdpa", "litgpt")),
    Case("smollm2-135m", "alpaca", 32, 8, "native", (*OURS, *FASTEST)),
    Case("opt-125m", "arrow", 32, 8, "native", (*OURS, *FASTEST)),
    Case("opt-125m", "arrow", 32, 8, "native", ("patois", "bare", "trl-default", "trl-best")),
    Case("opt-125m", "alpaca", 32, 8, "native", (*OURS, *FASTEST)),
)  # fmt: skip
"""The first case has every peer; of a large decoder no more than four at a time, which take 4 to 5 GB each. litgpt does not know
OPT."""

PARTS = ("data", "forward", "backward", "clipping", "optimizer")
"""Of a training step. `data`: a batch is laid together of rows that are tokens already. `optimizer`: AdamW, fused, and
dropping the gradients."""

SECTIONS = ("training", "mfu", "composition", "ways", "generation", "metrics", "data", "startup", "scaling")
SHAPES = (("--shape", "smollm2-135m"), ("--shape", "opt-125m"), ("--shape", "builtin", "--rows", "512"))
WORDS: dict[str, tuple[tuple[str, ...], ...]] = {
    "mfu": (*SHAPES, ("--shape", "smollm2-135m", "--precision", "bf16")),
    "composition": SHAPES,
}
"""Arguments of each measurement of a section, where it has any."""


def at_least_one(text: str) -> int:
    """Return a number of rounds or rows that the command line gives."""
    if not text.isdecimal() or int(text) < 1:
        raise ArgumentTypeError(f"expected a whole number, at least 1, but got {text}")
    return int(text)


def place_of(trainer: str) -> int:
    """Return where a trainer stands in a table: in the order of the cases, unknown ones last."""
    names = [name for case in CASES for name in case.trainers]
    return names.index(trainer) if trainer in names else len(names)
