from __future__ import annotations

import json
from pathlib import Path

import huggingface_hub.constants
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

from lightning_modules.decoder.bases import resolve_base
from lightning_modules.decoder.decoders import load_decoder, load_tokenizer
from tests.helpers.tiny import ARCHITECTURES, CONTEXT, ROWS, VOCABULARY, make_tiny, make_tokenizer, save_tiny


def test_hub_out_of_reach_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    for load in (load_tokenizer, load_decoder):
        with pytest.raises(
            ValueError, match=r"nobody/nothing \(revision main\) is .*`hf download .*--model.base bundled"
        ):
            load("nobody/nothing")


@pytest.mark.pitfall(8)
@pytest.mark.parametrize("saved", [torch.float16, torch.bfloat16])
def test_half_precision_checkpoint_is_loaded_as_float32(tmp_path: Path, saved: torch.dtype) -> None:
    make_tiny("opt").to(saved).save_pretrained(tmp_path)
    make_tokenizer().save_pretrained(tmp_path)
    assert AutoModelForCausalLM.from_pretrained(tmp_path).dtype == saved, "the trap is still there"
    assert {p.dtype for p in load_decoder(str(tmp_path)).parameters()} == {torch.float32}
    assert {p.dtype for p in load_decoder(str(tmp_path), init="random").parameters()} == {torch.float32}


@pytest.mark.pitfall(9)
@pytest.mark.parametrize("init", ["pretrained", "random"])
def test_decoder_comes_in_training_mode_with_dropout_on(tmp_path: Path, init: str) -> None:
    decoder = load_decoder(save_tiny(tmp_path, "gpt2", dropout=0.5), init=init)
    ids = torch.tensor([[5, 6, 7]])
    assert decoder.training
    assert not torch.equal(decoder(ids).logits, decoder(ids).logits)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_base_is_the_same_after_loading_and_after_an_export(architecture: str, tmp_path: Path) -> None:
    ids = torch.randint(5, VOCABULARY, (2, 20), generator=torch.Generator().manual_seed(0))
    expected = make_tiny(architecture)(ids).logits
    decoder = load_decoder(save_tiny(tmp_path / "base", architecture))
    torch.testing.assert_close(decoder.eval()(ids).logits, expected, rtol=1e-5, atol=1e-5)
    decoder.save_pretrained(tmp_path / "export")
    exported = AutoModelForCausalLM.from_pretrained(tmp_path / "export")
    torch.testing.assert_close(exported(ids).logits, expected, rtol=1e-5, atol=1e-5)


def test_pretrained_and_random_weights(tmp_path: Path) -> None:
    folder = save_tiny(tmp_path, seed=1)
    saved = make_tiny(seed=1).get_input_embeddings().weight
    assert torch.equal(load_decoder(folder).get_input_embeddings().weight, saved)
    torch.manual_seed(0)
    first = load_decoder(folder, init="random").get_input_embeddings().weight
    torch.manual_seed(0)
    second = load_decoder(folder, init="random").get_input_embeddings().weight
    assert torch.equal(first, second), "torch's seed fixes random weights"
    assert not torch.equal(first, saved)


def test_architecture_written_out_in_the_base(tmp_path: Path) -> None:
    save_tiny(tmp_path / "tiny")
    base = str(tmp_path / "mine.yaml")
    (tmp_path / "mine.yaml").write_text(
        "path: tiny\nconfig: {model_type: gpt_neox, hidden_size: 16, num_hidden_layers: 1, num_attention_heads: 2,"
        " intermediate_size: 32, max_position_embeddings: 64}",
    )
    decoder = load_decoder(base)
    assert decoder.config.model_type == "gpt_neox"
    assert decoder.get_input_embeddings().weight.shape == (VOCABULARY, 16)
    assert load_tokenizer(base).model_max_length == 64
    with pytest.raises(ValueError, match="written-out architecture without weights"):
        load_decoder(base, init="pretrained")


def test_folder_without_weights_says_so() -> None:
    with pytest.raises(ValueError, match=r"needs --model\.init random"):
        load_decoder("builtin", init="pretrained")


def test_a_folder_of_ours_that_is_missing_is_not_looked_for_on_the_hub(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("path: lightning_modules/no_such_folder\n")
    with pytest.raises(ValueError, match=r"no_such_folder is missing from this installation"):
        resolve_base(str(tmp_path / "mine.yaml"))


def test_incomplete_weights_are_an_error_and_not_filled_with_random_numbers(tmp_path: Path) -> None:
    folder = Path(save_tiny(tmp_path))
    weights = load_file(folder / "model.safetensors")
    del weights["model.layers.1.mlp.up_proj.weight"]
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ValueError, match=r"1 weights of LlamaForCausalLM .*layers.1.mlp.up_proj"):
        load_decoder(str(folder))


@pytest.mark.pitfall(25)
def test_code_of_a_checkpoint_does_not_run(tmp_path: Path) -> None:
    folder = Path(save_tiny(tmp_path))
    config = json.loads((folder / "config.json").read_text())
    config |= {
        "model_type": "mine",
        "auto_map": {"AutoConfig": "evil.Evil", "AutoModelForCausalLM": "evil.Evil"},
    }
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "evil.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    with pytest.raises(ValueError, match="trust_remote_code"):
        load_decoder(str(folder))
    assert not (tmp_path / "ran").exists()


def test_tokenizer_without_padding_pads_with_its_stop_token(tmp_path: Path) -> None:
    folder = Path(save_tiny(tmp_path))
    tokenizer_config = json.loads((folder / "tokenizer_config.json").read_text())
    del tokenizer_config["pad_token"]
    (folder / "tokenizer_config.json").write_text(json.dumps(tokenizer_config))
    tokenizer = load_tokenizer(str(folder))
    assert tokenizer.pad_token_id == tokenizer.eos_token_id
    assert len(tokenizer) == VOCABULARY
    assert load_decoder(str(folder)).get_input_embeddings().weight.shape[0] == ROWS, "no row is added"


def test_tokenizer_without_a_stop_token_is_an_error(tmp_path: Path) -> None:
    folder = Path(save_tiny(tmp_path))
    tokenizer_config = json.loads((folder / "tokenizer_config.json").read_text())
    del tokenizer_config["eos_token"]
    (folder / "tokenizer_config.json").write_text(json.dumps(tokenizer_config))
    with pytest.raises(ValueError, match="has no eos_token"):
        load_tokenizer(str(folder))


def test_context_length_is_known_even_where_the_tokenizer_has_none(tmp_path: Path) -> None:
    folder = Path(save_tiny(tmp_path))
    tokenizer_config = json.loads((folder / "tokenizer_config.json").read_text())
    tokenizer_config["model_max_length"] = 10**30
    (folder / "tokenizer_config.json").write_text(json.dumps(tokenizer_config))
    tokenizer = load_tokenizer(str(folder))
    assert tokenizer.model_max_length == CONTEXT
    assert tokenizer.padding_side == "left"


def test_embeddings_grow_when_the_tokenizer_has_more_tokens(tmp_path: Path) -> None:
    folder = save_tiny(tmp_path)
    tokenizer = make_tokenizer()
    tokenizer.add_tokens([f"<new{i}>" for i in range(20)])
    tokenizer.save_pretrained(folder)
    decoder = load_decoder(folder)
    assert decoder.get_input_embeddings().weight.shape[0] == 320, "310 tokens, up to a multiple of 64"
    assert decoder.get_output_embeddings().weight.shape[0] == 320


@pytest.mark.pitfall(11)
def test_an_export_never_generates_rows_without_a_token_either(tmp_path: Path) -> None:
    decoder = load_decoder(save_tiny(tmp_path / "base"))
    decoder.save_pretrained(tmp_path / "export")
    config = json.loads((tmp_path / "export" / "generation_config.json").read_text())
    assert config["suppress_tokens"] == [make_tokenizer().pad_token_id, *range(VOCABULARY, ROWS)]
    assert config["eos_token_id"] == make_tokenizer().eos_token_id


def test_gradient_checkpointing_gives_the_same_gradients(tmp_path: Path) -> None:
    folder = save_tiny(tmp_path)
    ids = torch.arange(5, 25)[None]
    gradients = []
    for checkpointing in (False, True):
        decoder = load_decoder(folder, gradient_checkpointing=checkpointing)
        assert (
            any(getattr(module, "gradient_checkpointing", False) for module in decoder.modules())
            is checkpointing
        )
        decoder(ids, labels=ids, use_cache=False).loss.backward()
        gradients.append(decoder.get_input_embeddings().weight.grad)
    torch.testing.assert_close(*gradients)
