from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch

from lightning_modules.decoder.adapters import (
    LoraSettings,
    add_adapters,
    linear_modules,
    merge_adapters,
    target_modules,
)
from lightning_modules.training.loss import supervised_loss
from tests.helpers.tiny import ARCHITECTURES, make_tiny, save_tiny
from tests.helpers.tiny_adapters import batch, train_a_little
from tests.helpers.tiny_runs import make_module

METHODS = ("lora", "dora", "rslora")


ATTENTION = {  # what each architecture's own code calls them
    "llama": {"q_proj", "k_proj", "v_proj", "o_proj"},
    "opt": {"q_proj", "k_proj", "v_proj", "out_proj"},
    "opt-350m-like": {"q_proj", "k_proj", "v_proj", "out_proj"},
    "gpt2": {"c_attn", "c_proj"},
    "gpt_neo": {"q_proj", "k_proj", "v_proj", "out_proj"},
    "gpt_neox": {"query_key_value", "dense"},
    "bloom": {"query_key_value", "dense"},
    "gpt_bigcode": {"c_attn", "c_proj"},
    "qwen3": {"q_proj", "k_proj", "v_proj", "o_proj"},
    "gemma3_text": {"q_proj", "k_proj", "v_proj", "o_proj"},
}


LAYERS = 2


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_attention_means_the_attentions_projections_and_nothing_else(architecture: str) -> None:
    names = target_modules(make_tiny(architecture), "attention")
    assert {name.rpartition(".")[2] for name in names} == ATTENTION[architecture]
    assert len(names) == LAYERS * len(ATTENTION[architecture])
    assert not [name for name in names if "mlp" in name or "fc" in name]


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_all_linear_means_every_matrix_but_the_embeddings(architecture: str) -> None:
    decoder = make_tiny(architecture)
    names = target_modules(decoder, "all_linear")
    assert set(target_modules(decoder, "attention")) < set(names)
    embeddings = {id(decoder.get_input_embeddings().weight), id(decoder.get_output_embeddings().weight)}
    matrices = {
        name.removesuffix(".weight")
        for name, p in decoder.named_parameters()
        if p.ndim == 2 and id(p) not in embeddings and not re.search(r"\.(wpe|embed_positions)\.", name)
    }
    assert set(names) == matrices


def test_targets_by_name() -> None:
    decoder = make_tiny("gpt2")
    assert target_modules(decoder, ["mlp.c_proj"]) == [f"transformer.h.{i}.mlp.c_proj" for i in range(LAYERS)]
    assert len(target_modules(decoder, ["c_proj"])) == 2 * LAYERS
    with pytest.raises(
        ValueError, match=r"no linear layer of this gpt2 is called 'q_proj'; it has c_attn, c_fc"
    ):
        target_modules(decoder, ["c_proj", "q_proj"])


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_untrained_adapters_change_nothing_and_only_they_are_trained(architecture: str, method: str) -> None:
    decoder = make_tiny(architecture)
    expected = supervised_loss(decoder, *batch())[0]
    base = {name: value.clone() for name, value in decoder.state_dict().items()}

    add_adapters(decoder, LoraSettings(method=method, rank=4, targets="all_linear"))  # type: ignore[arg-type]

    torch.testing.assert_close(supervised_loss(decoder, *batch())[0], expected, rtol=1e-5, atol=1e-5)
    assert all(("lora_" in name) == p.requires_grad for name, p in decoder.named_parameters())
    adapted = {name.split(".lora_A")[0] for name, _ in decoder.named_parameters() if ".lora_A" in name}
    assert adapted == set(linear_modules(make_tiny(architecture)))
    train_a_little(decoder)
    assert supervised_loss(decoder, *batch())[0] < 0.9 * expected
    after = {name.replace(".base_layer", ""): value for name, value in decoder.state_dict().items()}
    for name, value in base.items():
        assert torch.equal(after[name], value), name


@pytest.mark.parametrize(("method", "scale"), [("lora", 8 / 4), ("rslora", 8 / 2)])
@pytest.mark.parametrize("architecture", ["llama", "gpt2"])
def test_the_update_is_alpha_over_rank_times_the_two_factors(
    architecture: str, method: str, scale: float
) -> None:
    decoder = make_tiny(architecture)
    name = target_modules(decoder, "attention")[0]
    before = decoder.get_submodule(name).weight.clone()
    add_adapters(decoder, LoraSettings(method=method, rank=4, alpha=8.0))  # type: ignore[arg-type]
    train_a_little(decoder)
    state = decoder.state_dict()
    update = scale * state[f"{name}.lora_B.default.weight"] @ state[f"{name}.lora_A.default.weight"]
    merged, _ = merge_adapters(decoder, state)
    if architecture == "gpt2":  # its Conv1D holds matrices the other way round
        update = update.T
    assert update.abs().max() > 1e-3
    torch.testing.assert_close(merged.get_submodule(name).weight, before + update)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_merged_decoder_is_plain_and_says_the_same(architecture: str, method: str) -> None:
    decoder = make_tiny(architecture)
    plain_keys = set(decoder.state_dict())
    new_ids = [290, 291]
    add_adapters(decoder, LoraSettings(method=method, rank=4, targets="all_linear"), new_ids)  # type: ignore[arg-type]
    train_a_little(decoder)
    state = {name: value.clone() for name, value in decoder.state_dict().items()}
    merged, weights = merge_adapters(decoder, state)
    assert set(weights) == plain_keys
    assert type(merged) is type(decoder)
    ids = torch.cat([batch()[0], torch.tensor([[290], [291], [290]])], dim=1)
    with torch.no_grad():
        torch.testing.assert_close(merged(ids).logits, decoder(ids).logits, rtol=1e-4, atol=1e-4)
    for name, value in decoder.state_dict().items():
        assert torch.equal(value, state[name]), "the decoder itself is left alone"


def test_dropout_of_adapters_is_on_in_training_and_off_in_evaluation() -> None:
    decoder = make_tiny("llama")
    add_adapters(decoder, LoraSettings(rank=4, dropout=0.5))
    train_a_little(decoder)
    ids, labels = batch()
    assert torch.equal(
        supervised_loss(decoder.eval(), ids, labels)[0], supervised_loss(decoder, ids, labels)[0]
    )
    assert supervised_loss(decoder.train(), ids, labels)[0] != supervised_loss(decoder, ids, labels)[0]


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_gradient_checkpointing_gives_the_same_gradients(architecture: str, tmp_path: Path) -> None:
    base = save_tiny(tmp_path, architecture)
    gradients = []
    for checkpointing in (False, True):
        torch.manual_seed(0)
        module = make_module(base, peft=LoraSettings(rank=4), gradient_checkpointing=checkpointing)
        module.configure_model()
        train_a_little(module.decoder)
        module.decoder.zero_grad()
        supervised_loss(module.decoder, *batch())[0].backward()
        gradients.append({n: p.grad for n, p in module.decoder.named_parameters() if p.requires_grad})
    assert any(gradient.abs().max() > 0 for gradient in gradients[0].values())
    torch.testing.assert_close(gradients[1], gradients[0], rtol=1e-4, atol=1e-5)
