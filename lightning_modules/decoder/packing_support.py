"""Which architectures may have their rows packed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

PACKABLE = ("gpt2", "gpt_bigcode", "gpt_neo", "gpt_neox", "llama", "opt", "qwen3")
"""Architectures whose packed rows are tested to be as if alone. BLOOM's are not: its positions come from the mask.
Gemma 3's are not: a mask given to it takes the place of its sliding window, too."""
ATTENTIONS = ("eager", "sdpa")
"""Attention implementations that take an additive 4D mask."""


def check_packing(batch: Mapping[str, Any], model_type: str, base: str, attention: str) -> None:
    """Raise ValueError if a training batch is packed in a way that is not proved right for the architecture.

    Args:
        batch: With `attention_mask` if it is packed.
        model_type: The architecture, as in the decoder's configuration.
        base: The base's name, for the message.
        attention: The decoder's attention implementation.
    """
    if "attention_mask" in batch and attention not in ATTENTIONS:
        raise ValueError(
            f"--data.packing needs --model.attention {' or '.join(ATTENTIONS)}, but it is {attention!r}: its mask is not "
            "proved to part packed rows."
        )
    if "attention_mask" in batch and model_type not in PACKABLE:
        raise ValueError(
            f"--data.packing is right for {', '.join(PACKABLE)}, but the base {base!r} is a {model_type}. Leave it out."
        )
