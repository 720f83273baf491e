"""Refuse in one line what cannot go with `--trainer.strategy sharded`. Loads no PyTorch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

SHARDED = "sharded"
"""The word for `--trainer.strategy`."""
PRECISIONS = ("32-true", "bf16-mixed", "bf16-true", "16-true")
"""Those that Lightning's strategy takes, and `None`, `32` and `bf16`, which mean one of them."""
WHOLE = ("Adafactor", "Rprop")
"""Optimizers that look at more of a weight than one number, or change single numbers in place."""
UNFUSED = ("SGD", "Adagrad")
"""Optimizers whose fused kernels PyTorch cannot run on shards."""


def check_sharding(values: Mapping[str, Any]) -> None:
    """Raise ValueError if a setting cannot go with shards, where they are asked for.

    Args:
        values: The settings by flag; those that are missing are not checked.

    Examples:
        >>> check_sharding({"trainer.strategy": "sharded", "trainer.precision": "64-true"})
        Traceback (most recent call last):
        ValueError: Expected --trainer.precision 32-true, bf16-mixed, bf16-true or 16-true with --trainer.strategy sharded, but \
got 64-true.
    """
    if _name_of(values.get("trainer.strategy")) not in (SHARDED, "ShardedStrategy"):
        return
    with_it = f"with --trainer.strategy {SHARDED}"
    precision = values.get("trainer.precision")
    if precision is not None and str(precision) not in (*PRECISIONS, "32", "bf16"):
        names = f"{', '.join(PRECISIONS[:-1])} or {PRECISIONS[-1]}"
        raise ValueError(f"Expected --trainer.precision {names} {with_it}, but got {precision}.")
    if (accelerator := values.get("trainer.accelerator")) == "mps":
        raise ValueError(f"Expected --trainer.accelerator gpu or cpu {with_it}, but got {accelerator}.")
    callbacks = values.get("trainer.callbacks")
    for callback in callbacks if isinstance(callbacks, list) else ():
        name = _name_of(callback)
        if name.endswith("WeightAveraging"):
            raise ValueError(
                f"--trainer.callbacks {name} cannot copy weights that are shared out {with_it}. Use --model.average_weights "
                "0.999."
            )
    _check_optimizer(values, with_it)


def _check_optimizer(values: Mapping[str, Any], with_it: str) -> None:
    own = values.get("model.optimizer")
    name = _name_of(own if own is not None else {"class_path": values.get("model.optimizer.class_path")})
    if name in WHOLE:
        raise ValueError(
            f"Expected --model.optimizer to change each number of a weight by itself {with_it}, but got {name}. Use AdamW."
        )
    arguments = own.get("init_args") if isinstance(own, Mapping) else None
    fused = values.get("model.optimizer.fused", (arguments or {}).get("fused"))
    if name in UNFUSED and fused is True:
        raise ValueError(f"Expected --model.optimizer.fused false {with_it} and {name}, but got true.")


def _name_of(value: Any) -> str:
    path = value.get("class_path") if isinstance(value, Mapping) else value
    return str(path).rpartition(".")[2]
