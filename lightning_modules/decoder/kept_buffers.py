"""Keep rotary frequencies in float32 when a decoder is cast to another type. Pure torch."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn


@contextmanager
def kept_buffers(module: nn.Module) -> Iterator[None]:
    """Keep the types of all floating-point buffers that checkpoints do not hold, whatever casts the module meanwhile.

    transformers computes them anew, in float32, wherever the weights are loaded. `module.to(torch.bfloat16)` would round
    the frequencies of rotary position embeddings to 8 bits, and so the model would be trained with other positions than
    its exported folder has.
    """
    saved = module.state_dict(keep_vars=True).keys()
    before = {
        name: buffer
        for name, buffer in module.named_buffers()
        if name not in saved and buffer.is_floating_point()
    }
    yield
    for name, buffer in before.items():
        now = module.get_buffer(name)
        if now.dtype != buffer.dtype:
            owner, _, own_name = name.rpartition(".")
            setattr(module.get_submodule(owner), own_name, buffer.to(now.device))
