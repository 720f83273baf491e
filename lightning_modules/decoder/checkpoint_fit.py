"""What to say when a checkpoint's weights do not fit a model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def other_weights(own: Mapping[str, Any], given: Mapping[str, Any], base: str) -> ValueError:
    """Return the error for weights of other names or sizes than a model's own, in one line; PyTorch lists each of them.

    Args:
        own: The model's tensors by name.
        given: The checkpoint's.
        base: The model's base, for the message.

    Examples:
        >>> import torch
        >>> str(other_weights({"w": torch.zeros(2, 3)}, {"w": torch.zeros(4, 3)}, "gpt2"))[:87]
        "The checkpoint's weights do not fit --model.base gpt2: 1 of 1 differ, such as w, (4, 3)"
    """
    places = {name: _size(tensor) for name, tensor in own.items()}
    found = {name: _size(tensor) for name, tensor in given.items()}
    other = [name for name in dict.fromkeys([*found, *places]) if found.get(name) != places.get(name)]
    first = other[0] if other else "none by name or size"
    return ValueError(
        f"The checkpoint's weights do not fit --model.base {base}: {len(other)} of {len(places)} differ, such as {first}, "
        f"{found.get(first, 'missing')} in the checkpoint and {places.get(first, 'missing')} in the model. Use the "
        "--model.base, --model.peft and --model.add_tokens that the run was trained with: they are in its config.yaml."
    )


def _size(value: Any) -> Any:
    shape = getattr(value, "shape", None)
    return None if shape is None else tuple(shape)
