"""Compute the loss of a training batch with the fastest method that is proven correct. Pure torch."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from typing import Any

from torch import Tensor
from transformers import PreTrainedModel

from lightning_modules.decoder.attention import fastest_attention
from lightning_modules.decoder.packing_support import check_packing
from lightning_modules.decoder.sharding import agree
from lightning_modules.decoder.shared_prefix import SHARED_TOKENS
from lightning_modules.training.loss import TokenLosses, token_losses


def training_loss(
    decoder: PreTrainedModel,
    batch: Mapping[str, Any],
    base: str,
    *,
    share_prefix: bool,
    choose_attention: bool,
) -> tuple[Tensor, Tensor]:
    """Return the loss sum of the supervised tokens, with gradient, and their number; see `training_losses`."""
    return training_losses(
        decoder, batch, base, share_prefix=share_prefix, choose_attention=choose_attention
    ).add_up()


def training_losses(
    decoder: PreTrainedModel,
    batch: Mapping[str, Any],
    base: str,
    *,
    share_prefix: bool,
    choose_attention: bool,
) -> TokenLosses:
    """Return the losses of the supervised tokens.

    Args:
        decoder: A causal language model.
        batch: `input_ids` and `labels` `(B, T)`; if packed, `attention_mask` and `position_ids`; if known, `prefix_length`,
            the length of a common prefix that predicts no supervised token.
        base: The base's name, for messages.
        share_prefix: Run the common prefix once.
        choose_attention: Whether the row length may determine the attention.

    Raises:
        ValueError: If rows are packed and packing is not proven correct for the base's architecture.
    """
    config = decoder.config
    check_packing(batch, config.model_type, base, config._attn_implementation)
    input_ids = batch["input_ids"]
    rows, tokens = input_ids.shape
    prefix = batch.get("prefix_length", 0) if share_prefix and rows > 1 else 0
    shares = agree(decoder, prefix >= SHARED_TOKENS, input_ids.device)
    with fastest_attention(decoder, tokens, input_ids.device) if choose_attention else nullcontext():
        return token_losses(
            decoder,
            input_ids,
            batch["labels"],
            batch.get("attention_mask"),
            batch.get("position_ids"),
            prefix if shares else 0,
        )
