from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, GenerationConfig, pipeline

from bench.release.bundled import BUNDLED
from callbacks.reports.export.hf_folder import (
    adapt_generation_config,
    adapt_model_config,
    adapt_tokenizer_config,
    make_portable,
    why_no_gguf,
)
from datamodules.formats import load_format
from datamodules.tasks import load_task
from datamodules.texts.asking import Asking, load_asking
from lightning_modules.decoder.bases import BUILTIN, FLAGSHIP
from tests.helpers.tiny import ARCHITECTURES, make_tiny, make_tokenizer

ASKING = Asking((load_task("smiles_to_iupac"),), load_format("labels"))
TEXTS = ["CCO", "c1ccccc1 ->", "  two  spaces\n", "größe </s>", "<|x|>mark"]


def export(folder: Path, asking: Asking = ASKING, architecture: str = "llama", **changes: Any) -> Any:
    """Write a folder as a fit does; return the tokenizer."""
    tokenizer = make_tokenizer()
    tokenizer.add_tokens(["kari"])
    make_tiny(architecture, **changes).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    assert make_portable(folder, tokenizer, asking, 9) is None
    return tokenizer


def read(folder: Path, name: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / name).read_text())
    return content


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_folder_loads_as_what_was_saved(tmp_path: Path, architecture: str) -> None:
    tokenizer = export(tmp_path, architecture=architecture)
    again = AutoTokenizer.from_pretrained(tmp_path)
    for text in TEXTS:
        assert again(text).input_ids == tokenizer(text).input_ids
        assert again.decode(again(text).input_ids) == tokenizer.decode(tokenizer(text).input_ids)
    assert set(again("CCO")) == {"input_ids", "attention_mask"}
    assert (again.eos_token_id, again.pad_token_id, again.padding_side) == (
        tokenizer.eos_token_id, tokenizer.pad_token_id, "left"
    )  # fmt: skip
    ids = torch.tensor([again("CCO").input_ids])
    expected, decoder = make_tiny(architecture), AutoModelForCausalLM.from_pretrained(tmp_path)
    torch.testing.assert_close(decoder(ids).logits, expected(ids).logits)
    assert load_asking(tmp_path) == ASKING


def test_the_angles_of_rope_stand_where_both_versions_look(tmp_path: Path) -> None:
    export(tmp_path, rope_parameters={"rope_theta": 100000.0, "rope_type": "linear", "factor": 2.0})
    config = read(tmp_path, "config.json")
    assert config["rope_theta"] == config["rope_parameters"]["rope_theta"] == 100000.0
    assert config["rope_scaling"] == {"rope_type": "linear", "factor": 2.0}
    again = AutoModelForCausalLM.from_pretrained(tmp_path).config
    assert again.rope_parameters == {"rope_theta": 100000.0, "rope_type": "linear", "factor": 2.0}


def test_the_angles_of_each_kind_of_layer_stand_where_both_versions_look(tmp_path: Path) -> None:
    angles = {
        "full_attention": {"rope_theta": 1e6, "rope_type": "linear", "factor": 8.0},
        "sliding_attention": {"rope_theta": 1e4, "rope_type": "default"},
    }
    export(tmp_path, architecture="gemma3_text", rope_parameters=angles)
    config = read(tmp_path, "config.json")
    assert (config["rope_theta"], config["rope_local_base_freq"]) == (1e6, 1e4)
    assert config["rope_scaling"] == {"rope_type": "linear", "factor": 8.0}
    assert AutoModelForCausalLM.from_pretrained(tmp_path).config.rope_parameters == angles


def test_a_decoder_without_rope_stays_as_it_is() -> None:
    for config in ({"n_embd": 8}, {"rope_parameters": {"rope_type": "default"}}):
        assert adapt_model_config(config) == config


def test_special_tokens_stand_as_version_4_knows_them() -> None:
    written = {
        "tokenizer_class": "TokenizersBackend",
        "backend": "tokenizers",
        "extra_special_tokens": ["<|x|>"],
        "eos_token": "</s>",
    }
    assert adapt_tokenizer_config(written, ["<|x|>"]) == {
        "tokenizer_class": "PreTrainedTokenizerFast", "additional_special_tokens": ["<|x|>"], "eos_token": "</s>",
        "model_input_names": ["input_ids", "attention_mask"],
    }  # fmt: skip


def test_a_pipeline_answers_greedily_and_the_same_by_prompt_and_by_chat(tmp_path: Path) -> None:
    tokenizer = export(tmp_path)
    generation = read(tmp_path, "generation_config.json")
    assert {
        "do_sample": False,
        "max_new_tokens": 9,
        "eos_token_id": tokenizer.eos_token_id,
    }.items() <= generation.items()
    ask = pipeline("text-generation", model=str(tmp_path), device="cpu")
    messages = [{"role": "user", "content": "CCO"}]
    answers = {ask(messages)[0]["generated_text"][-1]["content"] for _ in range(3)}
    by_prompt = ask(ASKING.prompt(tokenizer, ASKING.tasks[0], "CCO"), return_full_text=False)[0][
        "generated_text"
    ]
    assert answers == {by_prompt}
    ids = torch.tensor([ASKING.encode(tokenizer, ASKING.tasks[0], ["CCO"]).prompt(0).tolist()])
    made = make_tiny().generate(ids, max_new_tokens=9, do_sample=False, eos_token_id=tokenizer.eos_token_id)
    assert tokenizer.decode(made[0, ids.shape[1] :], skip_special_tokens=True) == by_prompt


def test_the_settings_of_sampling_go() -> None:
    config = adapt_generation_config(
        {"temperature": 0.6, "top_p": 0.9, "do_sample": True, "bos_token_id": 1}, 2, 0, 5
    )
    assert config == {
        "bos_token_id": 1, "do_sample": False, "eos_token_id": 2, "pad_token_id": 0, "max_new_tokens": 5
    }  # fmt: skip


@pytest.mark.parametrize("folder", [None, FLAGSHIP, BUNDLED])
def test_no_version_warns_of_the_settings_of_generation(folder: Path | None, tmp_path: Path) -> None:
    if folder is None:
        export(folder := tmp_path)
    settings = GenerationConfig.from_pretrained(folder)
    settings.validate(strict=True)  # raises what transformers would warn of
    [(task, params)] = read(folder, "config.json")["task_specific_params"].items()
    assert task == "text-generation"
    assert params == {"do_sample": False, "temperature": 1.0, "max_new_tokens": settings.max_new_tokens}
    GenerationConfig(do_sample=True, temperature=0.7).update(**params)


def test_a_tokenizer_that_cuts_a_chat_in_another_way_gets_no_template(tmp_path: Path) -> None:
    class Joining(type(make_tokenizer())):  # type: ignore[misc]
        def apply_chat_template(self, *args: Any, **options: Any) -> str:
            return str(super().apply_chat_template(*args, **options)) + " "

    tokenizer = make_tokenizer()
    make_tiny().save_pretrained(tmp_path)
    tokenizer.chat_template = "{{ messages }}"
    tokenizer.save_pretrained(tmp_path)
    tokenizer.__class__ = Joining
    assert "into other tokens than training" in str(make_portable(tmp_path, tokenizer, ASKING, 9))
    assert not (tmp_path / "chat_template.jinja").exists()


def test_texts_to_go_on_with_keep_the_bases_template(tmp_path: Path) -> None:
    asking = Asking(ASKING.tasks, load_format("text"))
    export(tmp_path, asking)
    assert not (tmp_path / "chat_template.jinja").exists()


def test_llama_cpp_lacks_the_rule_of_the_tokenizers_that_ship(tmp_path: Path) -> None:
    for folder in (BUILTIN, FLAGSHIP, BUNDLED):
        assert "a rule of Patois's own" in str(why_no_gguf(folder))
    assert why_no_gguf(tmp_path) is None
    (tmp_path / "tokenizer.json").write_text('{"pre_tokenizer": {"type": "ByteLevel"}}')
    assert why_no_gguf(tmp_path) is None


VLLM = {
    "llama": "LlamaForCausalLM", "opt": "OPTForCausalLM", "gpt2": "GPT2LMHeadModel", "gpt_neox": "GPTNeoXForCausalLM",
    "bloom": "BloomForCausalLM", "gpt_bigcode": "GPTBigCodeForCausalLM", "qwen3": "Qwen3ForCausalLM",
    "gemma3_text": "Gemma3ForCausalLM",
}  # fmt: skip
"""Architectures by the names in vLLM's list of supported models; GPT-Neo is not among them."""


@pytest.mark.parametrize("architecture", VLLM)
def test_the_folder_has_what_vllm_reads(tmp_path: Path, architecture: str) -> None:
    tokenizer = export(tmp_path, architecture=architecture)
    assert read(tmp_path, "config.json")["architectures"] == [VLLM[architecture]]
    defaults = read(tmp_path, "generation_config.json")  # vLLM's sampling, unless a request says otherwise
    assert defaults["eos_token_id"] == tokenizer.eos_token_id
    assert not {"temperature", "top_p", "top_k", "repetition_penalty"} & set(defaults)
    chat = [{"role": "user", "content": "CCO"}]
    ids = AutoTokenizer.from_pretrained(tmp_path).apply_chat_template(
        chat, add_generation_prompt=True, return_dict=True
    )
    assert ids["input_ids"] == ASKING.encode(tokenizer, ASKING.tasks[0], ["CCO"]).prompt(0).tolist()
