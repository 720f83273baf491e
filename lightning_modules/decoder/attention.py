"""Which attention is fastest. Pure torch and transformers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from transformers import PreTrainedModel

SHORT = 128
"""Tokens up to which eager attention is used. It was faster up to 512, but its memory grows with the square: at 128 its
scores take less than a layer's other activations."""


@contextmanager
def fastest_attention(decoder: PreTrainedModel, tokens: int, device: torch.device) -> Iterator[None]:
    """Train with eager attention on rows of few tokens on a CPU under bf16 autocast, and with the decoder's own elsewhere.

    PyTorch's flash attention for the CPU is slow in its backward pass on short rows: a training step was 1.24, 1.30 and
    1.21 times as fast with eager attention at 64, 128 and 256 tokens (built-in decoder; 1.11, 1.08 and 1.04 for
    SmolLM2-135M). In fp32 it was not faster.

    Args:
        decoder: Gets its own attention back.
        tokens: Of the longest row.
        device: Where it runs.
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
