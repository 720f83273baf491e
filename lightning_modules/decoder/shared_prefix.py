"""A beginning that all rows of a batch share, run once for all of them. Pure torch and transformers."""

from __future__ import annotations

import torch
from torch import Tensor
from transformers import PreTrainedModel
from transformers.cache_utils import DynamicCache

SHARED_TOKENS = 16
"""A shared beginning of fewer tokens is not worth a run of its own."""
NO_DROPOUT = ("classifier_dropout", "summary_first_dropout")
"""Settings of heads that a causal language model has not."""


def encode_prefix(decoder: PreTrainedModel, prefix_ids: Tensor) -> DynamicCache:
    """Return the keys and values `(1, heads, P, size)` of each layer for the tokens `(1, P)`, with their gradients."""
    cache = DynamicCache(config=decoder.config)
    decoder.base_model(input_ids=prefix_ids, past_key_values=cache, use_cache=True)
    return cache


def may_share_prefix(decoder: PreTrainedModel) -> bool:
    """Return whether rows trained with a shared beginning are as if alone, but for rounding.

    They are not under dropout, which would be drawn once for all of them; and gradient checkpointing keeps no keys and
    values.
    """
    settings = decoder.config.to_dict().items()
    functional = any(
        isinstance(value, float) and value > 0
        for name, value in settings
        if "drop" in name and name not in NO_DROPOUT
    )
    modules = any(
        getattr(module, "gradient_checkpointing", False)
        or (isinstance(module, torch.nn.Dropout) and module.p > 0)
        for module in decoder.modules()
    )
    return not (functional or modules)
