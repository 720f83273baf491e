"""The measurements of `python -m bench.speed`: trainers with their workloads, and the arguments of the other sections."""

from __future__ import annotations

from argparse import ArgumentTypeError
from collections.abc import Callable, Sequence
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
    """In the order of the page; they run in another order, and are in memory together."""


OURS = ("patois", "patois-fast")
FASTEST = ("hf-best", "hf-compiled")
"""The peers in every case: the fastest ones among those tried on every shape."""
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
"""The first case has every peer. With a large decoder at most four run together, since each takes 4 to 5 GB. litgpt does not
support OPT."""

PARTS = ("data", "forward", "backward", "clipping", "optimizer")
"""Parts of a training step. `data`: collating tokenised rows to a batch. `optimizer`: fused AdamW, and dropping the gradients."""

MODULES = {
    "mfu": "bench.speed.training.mfu",
    "composition": "bench.speed.training.step_breakdown",
    "ways": "bench.speed.training.ablations",
    "generation": "bench.speed.generation",
    "drafts": "bench.speed.drafts",
    "metrics": "bench.speed.metric_cost",
    "data": "bench.speed.data.data_loading",
    "startup": "bench.speed.startup",
    "scaling": "bench.speed.training.scaling",
}
"""The module that measures each section but training; docs/speed.jsonl has results under these names."""
SECTIONS = ("training", *MODULES)
SHAPES = (("--shape", "smollm2-135m"), ("--shape", "opt-125m"), ("--shape", "builtin", "--rows", "512"))
WORDS: dict[str, tuple[tuple[str, ...], ...]] = {
    "mfu": (*SHAPES, ("--shape", "smollm2-135m", "--precision", "bf16")),
    "composition": SHAPES,
}
"""The arguments of each measurement of a section, if it has any."""


GPU_TRAINERS = ("patois", "hf-best", "patois-fast", "bare", "trl-best", "trl-liger", "hf-compiled")
"""What `make gpu` compares, in this order: what is most worth knowing first. TRL's own loss is in chunks of tokens."""


def one_of(names: Sequence[str]) -> Callable[[str], str]:
    """Return a type for argparse that takes these names only.

    `choices` with `nargs="*"` refuses an empty list, which means all of them, on Python 3.11.
    """

    def read(text: str) -> str:
        if text not in names:
            raise ArgumentTypeError(f"expected one of {', '.join(names)}, but got {text}")
        return text

    return read


def at_least_one(text: str) -> int:
    """Return a number of rounds or rows from the command line."""
    if not text.isdecimal() or int(text) < 1:
        raise ArgumentTypeError(f"expected a whole number, at least 1, but got {text}")
    return int(text)


def place_of(trainer: str) -> int:
    """Return a trainer's position in a table: in the order of the cases, unknown ones last."""
    names = [name for case in CASES for name in case.trainers]
    return names.index(trainer) if trainer in names else len(names)
