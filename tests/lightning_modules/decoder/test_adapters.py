from __future__ import annotations

import importlib.util
import json
import re
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from callbacks.reports.hf_export import save_decoder
from lightning_modules.decoder.adapters import (
    LoraSettings,
    add_adapters,
    choose_trainable,
    linear_modules,
    merge_adapters,
    rows_in_place,
    target_modules,
)
from lightning_modules.generation.generate import GenerationSettings, generate
from lightning_modules.training.loss import supervised_loss
from tests.helpers.tiny import ARCHITECTURES, make_batch, make_rows, make_tiny, save_tiny
from tests.helpers.tiny_runs import RowsData, make_module, make_trainer

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
TOKENS = ["[C@@H]", "[nH]", "[O-]"]
PAIRS = [
    ("C[C@@H](O)N:", "alcohol"), ("c1cc[nH]c1:", "pyrrole"), ("CC(=O)[O-]:", "acetate [O-]"),
    ("CCO:", "ethanol"), ("name [nH]:", "[nH]c1cccc1"), ("C[C@@H]:", "[C@@H]"),
]  # fmt: skip


def batch(architecture: str = "llama") -> tuple[torch.Tensor, torch.Tensor]:
    ids = torch.randint(5, 280, (3, 12), generator=torch.Generator().manual_seed(1))
    labels = ids.clone()
    labels[:, :4] = -100
    return ids, labels


def train_a_little(decoder: Any) -> None:
    """Ten steps of SGD on whatever is trained."""
    optimizer = torch.optim.AdamW([p for p in decoder.parameters() if p.requires_grad], lr=1e-2)
    for _ in range(10):
        optimizer.zero_grad()
        supervised_loss(decoder, *batch())[0].backward()
        optimizer.step()


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


def tied_or_not(folder: Path, architecture: str, tied: bool) -> str:
    return save_tiny(folder, architecture, tie_word_embeddings=tied)


@pytest.mark.pitfall(12)
@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("architecture", ["llama", "opt", "gpt2", "gpt_neox", "gemma3_text"])
def test_new_tokens_are_trained_under_lora(architecture: str, tied: bool, tmp_path: Path) -> None:
    base = tied_or_not(tmp_path, architecture, tied)
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


def rows(module: Any) -> tuple[torch.Tensor, torch.Tensor]:
    """Both embeddings as a plain export has them."""
    merged, _ = merge_adapters(module.decoder, module.decoder.state_dict())
    return (
        merged.get_input_embeddings().weight.detach().clone(),
        merged.get_output_embeddings().weight.detach().clone(),
    )


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


SETTINGS = {
    "full": {},
    "lora": {"peft": LoraSettings(rank=4)},
    "dora": {"peft": LoraSettings(method="dora", rank=4, targets="all_linear")},
    "full with tokens": {"add_tokens": TOKENS},
    "lora with tokens": {"peft": LoraSettings(rank=4, targets="all_linear"), "add_tokens": TOKENS},
    "trainable": {"trainable": ["*.1.*"]},
}


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("name", SETTINGS)
def test_the_export_gives_the_same_text_in_plain_transformers(name: str, tied: bool, tmp_path: Path) -> None:
    base = tied_or_not(tmp_path / "base", "llama", tied)
    module = make_module(
        base,
        **SETTINGS[name],
        optimizer=partial(torch.optim.AdamW, lr=1e-2),
        generation=GenerationSettings(max_new_tokens=12),
    )
    module.configure_model()
    data = RowsData(make_rows(module.tokenizer, PAIRS), batch_size=3)  # type: ignore[arg-type]
    trainer = make_trainer(max_epochs=4, limit_val_batches=0)
    trainer.fit(module, data)
    trainer.save_checkpoint(tmp_path / "last.ckpt")
    state = torch.load(tmp_path / "last.ckpt", weights_only=True)["state_dict"]
    save_decoder(module, state, tmp_path / "hf")

    again = make_module(base, **SETTINGS[name], generation=module.generation)
    again.configure_model()
    again.load_state_dict(state)
    model = AutoModelForCausalLM.from_pretrained(tmp_path / "hf")
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "hf")
    prompts = [f"{'C' * (i % 7)}{prompt}" for i, (prompt, _) in enumerate(PAIRS * 4)][:20]
    inputs = make_batch(make_rows(again.tokenizer, [(prompt, "") for prompt in prompts]), 0)  # type: ignore[arg-type]
    ours = generate(
        again.decoder, again.tokenizer, inputs["prompt_ids"], inputs["prompt_mask"], again.generation
    )
    assert len(set(ours.text)) > 3
    for prompt, text in zip(prompts, ours.text, strict=True):
        encoded = tokenizer(prompt, return_tensors="pt", return_token_type_ids=False)
        output = model.generate(**encoded, max_new_tokens=12, do_sample=False)
        assert tokenizer.decode(output[0, encoded["input_ids"].shape[1] :], skip_special_tokens=True) == text
    assert not any("lora" in key for key in model.state_dict())
    assert json.loads((tmp_path / "hf" / "config.json").read_text())["vocab_size"] == len(
        model.get_input_embeddings().weight
    )


def test_patterns_choose_what_is_trained() -> None:
    decoder = make_tiny("llama")

    def trained(*patterns: str) -> set[str]:
        choose_trainable(decoder, patterns)
        return {name for name, p in decoder.named_parameters() if p.requires_grad}

    everything = {name for name, _ in decoder.named_parameters()}
    last_block = {name for name in everything if ".layers.1." in name}
    assert trained("*.layers.1.*") == last_block
    assert trained("!*embed*") == {name for name in everything if "embed" not in name}
    assert trained("*.layers.1.*", "!*norm*") == {name for name in last_block if "norm" not in name}
    assert trained("*.layers.1.*", "model.norm.weight") == last_block | {"model.norm.weight"}


@pytest.mark.parametrize(
    ("patterns", "message"),
    [
        (
            ["*.layers.7.*"],
            r"pattern '\*\.layers\.7\.\*' matches no parameter\. Names are like model\.embed_tokens",
        ),
        (["*", "!*layer.1*"], "matches no parameter"),
        (["*", "!*"], "leaves nothing to train"),
        ([], "at least one pattern"),
    ],
)
def test_patterns_that_cannot_be_meant_are_errors(patterns: list[str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        choose_trainable(make_tiny("llama"), patterns)


@pytest.mark.pitfall(12)
def test_patterns_that_freeze_new_rows_are_errors(tmp_path: Path) -> None:
    module = make_module(save_tiny(tmp_path), trainable=["*.layers.1.*"], add_tokens=TOKENS)
    with pytest.raises(ValueError, match=r"freezes an embedding, but the tokens of --model\.add_tokens need"):
        module.configure_model()
    choose_trainable(make_tiny("llama"), ["*embed*", "lm_head*"], [290])


def test_frozen_parameters_stay_and_have_no_place_in_the_optimizer(tmp_path: Path) -> None:
    module = make_module(save_tiny(tmp_path), trainable=["*.layers.1.*"])
    make_trainer().fit(module, RowsData(make_rows(module.tokenizer, PAIRS), batch_size=3))  # type: ignore[arg-type]
    before = make_tiny("llama").state_dict()
    changed = {
        name for name, value in module.decoder.state_dict().items() if not torch.equal(value, before[name])
    }
    assert changed == {name for name in before if ".layers.1." in name}
    groups = module.configure_optimizers()["optimizer"].param_groups
    assert sum(len(group["params"]) for group in groups) == len(changed)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"method": "qlora"}, "peft.method to be lora, dora or rslora, but got 'qlora'"),
        ({"rank": 0}, "peft.rank to be at least 1, but got 0"),
        ({"alpha": 0.0}, "peft.alpha to be above 0"),
        ({"dropout": 1.0}, r"peft.dropout to be in \[0, 1\), but got 1.0"),
        (
            {"targets": "mlp"},
            "peft.targets to be attention, all_linear or a list of module names, but got 'mlp'",
        ),
        ({"targets": []}, "a list of module names"),
    ],
)
def test_settings_that_cannot_work_are_errors(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        LoraSettings(**arguments)


def test_without_peft_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ValueError, match=re.escape('pip install -e ".[peft]"')):
        LoraSettings()


def test_adapters_and_patterns_together_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"--model\.peft or --model\.trainable, but got both"):
        make_module(save_tiny(tmp_path), peft=LoraSettings(), trainable=["*"])
