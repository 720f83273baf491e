"""Which of Lightning's strategies a run may use."""

from __future__ import annotations

from typing import Any

_WHOLE_WEIGHTS = ("auto", "ddp", "singledevice", "single_device", "single_xla")
"""Prefixes of the names and classes of strategies that keep all weights on every rank."""


def refuse_sharding(strategy: Any) -> None:
    """Raise ValueError early for a strategy that shards weights over ranks (FSDP, DeepSpeed, tensor parallelism).

    Each rank would clip by the norm of its own shard of the gradients. Generation would hang: answers differ in length
    between ranks, so a rank would wait forever for weights of a rank that has finished.

    Args:
        strategy: `--trainer.strategy`: a name, a configuration with a `class_path`, or an object.
    """
    name = strategy if isinstance(strategy, str) else getattr(strategy, "class_path", type(strategy).__name__)
    if not name.rpartition(".")[2].lower().startswith(_WHOLE_WEIGHTS):
        raise ValueError(
            f"--trainer.strategy: expected auto or ddp (or a variant of them), but got {name!r}: clipping by norm and "
            "generation do not work with sharded weights. Use --trainer.strategy ddp; docs/scaling.md explains how to "
            "train a model that is too large for one device."
        )
