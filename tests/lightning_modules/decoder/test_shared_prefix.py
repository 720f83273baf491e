"""Rows that share their beginning are as if alone, for each architecture."""

from __future__ import annotations

import pytest
import torch

from lightning_modules.causal_lm import CausalLM
from lightning_modules.decoder.shared_prefix import may_share_prefix
from lightning_modules.training.loss import supervised_loss
from tests.helpers.shared_prefix import PREFIX, make_batch
from tests.helpers.tiny import ARCHITECTURES, DROPOUTS, make_tiny


@pytest.mark.parametrize(
    ("architecture", "attention"),
    [
        (name, attention)
        for name in ARCHITECTURES
        for attention in ("eager", "sdpa")
        if attention == "eager" or make_tiny(name)._supports_sdpa
    ],
)
def test_rows_have_the_loss_and_gradient_of_rows_alone(architecture: str, attention: str) -> None:
    decoder = make_tiny(architecture).double()
    decoder.config._attn_implementation = attention
    batch = make_batch()
    results = []
    for prefix in (0, PREFIX):
        decoder.zero_grad()
        loss, count = supervised_loss(decoder, batch["input_ids"], batch["labels"], prefix=prefix)  # type: ignore[arg-type]
        loss.backward()
        gradient = torch.cat([p.grad.flatten() for p in decoder.parameters() if p.grad is not None])
        results.append((loss.detach(), count, gradient))
    torch.testing.assert_close(results[1], results[0], rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("architecture", DROPOUTS)
def test_not_where_it_would_change_the_training(architecture: str) -> None:
    assert may_share_prefix(make_tiny(architecture))
    assert not may_share_prefix(make_tiny(architecture, dropout=0.1))


def test_not_with_dropout_of_adapters_or_gradient_checkpointing() -> None:
    decoder = make_tiny()
    decoder.add_module("lora_dropout", torch.nn.Dropout(0.1))
    assert not may_share_prefix(decoder)
    decoder = make_tiny()
    decoder.gradient_checkpointing_enable()
    assert not may_share_prefix(decoder)
    with pytest.raises(
        ValueError, match=r"--model.share_prefix or --model.gradient_checkpointing, but got both"
    ):
        CausalLM(share_prefix=True, gradient_checkpointing=True)
