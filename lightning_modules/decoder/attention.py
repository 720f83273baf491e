"""Choose the fastest attention. Pure torch and transformers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from transformers import PreTrainedModel

SHORT = 128
"""Longest row, in tokens, for eager attention. It was faster up to 512, but its memory grows quadratically: at 128 tokens
its scores take less memory than a layer's other activations."""


@contextmanager
def fastest_attention(decoder: PreTrainedModel, tokens: int, device: torch.device) -> Iterator[None]:
    """Use eager attention for short rows on a CPU under bf16 autocast, and the decoder's own attention otherwise.

    The backward pass of PyTorch's flash attention is slow for short rows on a CPU: eager attention made a training step
    1.24, 1.30 and 1.21 times as fast at 64, 128 and 256 tokens (built-in decoder; 1.11, 1.08 and 1.04 for SmolLM2-135M).
    In fp32 it was not faster.

    Args:
        decoder: Its own attention is restored afterwards.
        tokens: Length of the longest row.
        device: The decoder's device.
    """
    own = decoder.config._attn_implementation
    low = torch.is_autocast_enabled("cpu") and torch.get_autocast_dtype("cpu") == torch.bfloat16
    if own != "sdpa" or device.type != "cpu" or not low or tokens > SHORT:
        yield
        return
    decoder.config._attn_implementation = "eager"
    try:
        yield
    finally:
        decoder.config._attn_implementation = own
