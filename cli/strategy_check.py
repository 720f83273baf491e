"""Which of Lightning's strategies a run may use."""

from __future__ import annotations

from typing import Any

_WHOLE_WEIGHTS = ("auto", "ddp", "singledevice", "single_device", "single_xla")
"""What the names and classes begin with of strategies that keep all weights on every rank."""


def refuse_sharding(strategy: Any) -> None:
    """Raise ValueError for a strategy that parts the weights between ranks (FSDP, DeepSpeed, tensor parallelism), early.

    Each rank would clip by the norm of its own part of the gradients, and generation, whose answers have other lengths
    on each rank, would wait for ever for weights that another rank no longer offers.

    Args:
        strategy: `--trainer.strategy`: a name, or a configuration with a `class_path`, or an object.
    """
    name = strategy if isinstance(strategy, str) else getattr(strategy, "class_path", type(strategy).__name__)
    if not name.rpartition(".")[2].lower().startswith(_WHOLE_WEIGHTS):
        raise ValueError(
            f"--trainer.strategy: expected auto or ddp (or one of their kind), but got {name!r}: clipping by norm and "
            "generation are wrong where ranks hold parts of the weights. Use --trainer.strategy ddp; docs/scaling.md says "
            "what to do for a model that is too large for one device."
        )
