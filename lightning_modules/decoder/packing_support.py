"""Architectures and attentions that support packed rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

PACKABLE = ("gpt2", "gpt_bigcode", "gpt_neo", "gpt_neox", "llama", "opt", "qwen3")
"""Architectures for which tests show that packed rows give the same results as single rows. BLOOM is excluded, because it
derives positions from the mask. Gemma 3 is excluded, because a given mask replaces its sliding window, too."""
ATTENTIONS = ("eager", "sdpa")
"""Attention implementations that take an additive 4D mask."""


def check_packing(batch: Mapping[str, Any], model_type: str, base: str, attention: str) -> None:
    """Raise ValueError if a training batch is packed and packing is not proven correct for the decoder.

    Args:
        batch: Has `attention_mask` if its rows are packed.
        model_type: The architecture, as named in the decoder's configuration.
        base: The base's name, for the message.
        attention: The decoder's attention implementation.
    """
    if "attention_mask" in batch and attention not in ATTENTIONS:
        raise ValueError(
            f"--data.packing needs --model.attention {' or '.join(ATTENTIONS)}, but it is {attention!r}: it is not "
            "proven to separate packed rows."
        )
    if "attention_mask" in batch and model_type not in PACKABLE:
        raise ValueError(
            f"--data.packing supports {', '.join(PACKABLE)}, but the base {base!r} is a {model_type}. Leave out the flag."
        )
