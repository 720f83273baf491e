"""Rows of added tokens, which are trained beside adapters."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch

from lightning_modules.decoder.adapters import (
    LoraSettings,
    add_adapters,
    merge_adapters,
    rows_in_place,
)
from lightning_modules.training.loss import supervised_loss
from tests.helpers.tiny import make_rows, make_tiny, save_tiny
from tests.helpers.tiny_adapters import PAIRS, TOKENS, batch, train_a_little
from tests.helpers.tiny_runs import RowsData, make_module, make_trainer


def rows(module: Any) -> tuple[torch.Tensor, torch.Tensor]:
    """Both embeddings as a plain export has them."""
    merged, _ = merge_adapters(module.decoder, module.decoder.state_dict())
    return (
        merged.get_input_embeddings().weight.detach().clone(),
        merged.get_output_embeddings().weight.detach().clone(),
    )


@pytest.mark.pitfall(12)
@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("architecture", ["llama", "opt", "gpt2", "gpt_neox", "gemma3_text"])
def test_new_tokens_are_trained_under_lora(architecture: str, tied: bool, tmp_path: Path) -> None:
    base = save_tiny(tmp_path, architecture, tie_word_embeddings=tied)
    module = make_module(
        base,
        peft=LoraSettings(rank=4),
        add_tokens=TOKENS,
        optimizer=partial(torch.optim.AdamW, lr=1e-2, weight_decay=0.1),
    )
    module.configure_model()
    before = rows(module)
    rows_of_text = make_rows(module.tokenizer, PAIRS)  # type: ignore[arg-type]
    assert {id for row in rows_of_text for part in row for id in part} > set(module.new_ids)
    make_trainer(max_epochs=3, limit_val_batches=0).fit(module, RowsData(rows_of_text, batch_size=3))
    after = rows(module)
    new = torch.tensor(module.new_ids)
    old = torch.tensor([i for i in range(len(before[0])) if i not in module.new_ids])
    for was, now in zip(before, after, strict=True):  # the input embedding, and the output embedding
        assert ((now - was)[new].abs().amax(dim=1) > 1e-3).all(), "a new token kept its initial row"
        assert torch.equal(now[old], was[old])
    assert torch.equal(after[0], after[1]) is tied


def test_output_embedding_of_trained_rows_sees_supervised_positions_only() -> None:
    decoder = make_tiny("llama")
    add_adapters(decoder, LoraSettings(rank=4), [290, 291])
    seen: list[int] = []
    decoder.get_output_embeddings().register_forward_hook(
        lambda module, args, output: seen.append(output[..., 0].numel())
    )
    _, count = supervised_loss(decoder, *batch())
    assert seen == [count]


@pytest.mark.parametrize("tied", [True, False])
def test_trained_rows_are_in_their_embeddings_while_generating_and_out_again_exactly(tied: bool) -> None:
    decoder = make_tiny("llama", tie_word_embeddings=tied)
    add_adapters(decoder, LoraSettings(rank=4), [290, 291])
    ids = torch.tensor([[5, 290, 7, 291]])
    for _ in range(2):
        with torch.no_grad():
            for name, p in decoder.named_parameters():
                if "trainable_tokens_delta" in name:
                    p += torch.randn_like(p)
        before = {name: value.clone() for name, value in decoder.state_dict().items()}
        expected = decoder(ids).logits
        with torch.inference_mode(), rows_in_place(decoder):
            for embedding in (decoder.get_input_embeddings(), decoder.get_output_embeddings()):
                layer = embedding.token_adapter
                delta = layer.trainable_tokens_delta["default"]
                assert torch.equal(layer.get_base_layer().weight[[290, 291]], delta)
                assert layer.merged
            torch.testing.assert_close(decoder(ids).logits, expected)
        for name, value in decoder.state_dict().items():
            assert torch.equal(value, before[name]), name
        torch.testing.assert_close(decoder(ids).logits, expected)
        train_a_little(decoder)


def test_rows_of_a_head_with_a_bias_are_refused() -> None:
    decoder = make_tiny("llama", tie_word_embeddings=False)
    decoder.lm_head.bias = torch.nn.Parameter(torch.zeros(len(decoder.lm_head.weight)))
    with pytest.raises(ValueError, match="output embedding of LlamaForCausalLM has a bias"):
        add_adapters(decoder, LoraSettings(), [290])
