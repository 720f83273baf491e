"""Run a prefix that all rows of a batch share only once. Pure torch and transformers."""

from __future__ import annotations

import torch
from torch import Tensor
from transformers import PreTrainedModel
from transformers.cache_utils import DynamicCache

from lightning_modules.decoder.forward import logits_at

SHARED_TOKENS = 16
"""Shortest shared prefix, in tokens, that is worth a separate run."""
NO_DROPOUT = ("classifier_dropout", "summary_first_dropout")
"""Dropout settings of heads that a causal language model does not have."""


def encode_prefix(decoder: PreTrainedModel, prefix_ids: Tensor) -> DynamicCache:
    """Return the keys and values `(1, heads, P, size)` of each layer for the tokens `(1, P)`, with their gradients."""
    cache = DynamicCache(config=decoder.config)
    nowhere = torch.empty(0, dtype=torch.int64, device=prefix_ids.device)  # no logits are needed
    # Not the base model alone: weights that are shared out among ranks are gathered where the whole decoder begins.
    logits_at(decoder, nowhere, input_ids=prefix_ids, past_key_values=cache, use_cache=True)
    return cache


def refuse_sharing(share_prefix: bool | None, gradient_checkpointing: bool) -> None:
    """Raise ValueError if a shared prefix is asked for together with gradient checkpointing."""
    if share_prefix and gradient_checkpointing:
        raise ValueError(
            "Expected --model.share_prefix or --model.gradient_checkpointing, but got both: gradient checkpointing "
            "keeps no keys and values of the shared tokens."
        )


def may_share_prefix(decoder: PreTrainedModel) -> bool:
    """Return whether training with a shared prefix gives the same result as without, up to rounding.

    Dropout prevents it, because all rows would share one draw. Gradient checkpointing prevents it, because it keeps no keys
    and values.
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
