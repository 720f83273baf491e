"""Tiny random decoders of real architectures and a tiny tokenizer. No network, no files, a fraction of a second."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedModel, PreTrainedTokenizerFast

from bench.release.train_tokenizer import train_tokenizer

ARCHITECTURES = (
    "llama", "opt", "opt-350m-like", "gpt2", "gpt_neo", "gpt_neox", "bloom", "gpt_bigcode", "qwen3", "gemma3_text",
)  # fmt: skip
CONTEXT = 128
VOCABULARY = 290
ROWS = 304  # 14 rows that no token has: published checkpoints pad their vocabulary too

DROPOUTS = {
    "llama": ("attention_dropout",),
    "opt": ("dropout", "attention_dropout"),
    "gpt2": ("resid_pdrop", "embd_pdrop", "attn_pdrop"),
    "gpt_neo": ("embed_dropout", "attention_dropout", "resid_dropout"),
    "gpt_neox": ("attention_dropout", "hidden_dropout"),
    "bloom": ("hidden_dropout", "attention_dropout"),
    "gpt_bigcode": ("resid_pdrop", "embd_pdrop", "attn_pdrop"),
    "qwen3": ("attention_dropout",),
    "gemma3_text": ("attention_dropout",),
}
SIZES: dict[str, dict[str, Any]] = {
    "llama": {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4},
    "opt": {"hidden_size": 32, "ffn_dim": 64, "num_hidden_layers": 2, "num_attention_heads": 4},
    "gpt2": {"n_embd": 32, "n_layer": 2, "n_head": 4},
    "gpt_neo": {
        "hidden_size": 32,
        "num_layers": 2,
        "num_heads": 4,
        "attention_types": [[["global", "local"], 1]],
        "window_size": 8,
    },
    "gpt_neox": {
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
    },
    "bloom": {"hidden_size": 32, "n_layer": 2, "n_head": 4},
    "gpt_bigcode": {"n_embd": 32, "n_layer": 2, "n_head": 4, "multi_query": True},
    "qwen3": {
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 8,
    },
    "gemma3_text": {
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 1,
        "head_dim": 8,
        "query_pre_attn_scalar": 8,
        "layer_types": ["sliding_attention", "full_attention"],
        "sliding_window": 8,
        "final_logit_softcapping": 20.0,  # Gemma 2 has it, the code of Gemma 3 can
    },
}


@cache
def _trained() -> PreTrainedTokenizerFast:
    return train_tokenizer(
        ["CC(=O)Oc1ccccc1C(=O)O", "2-acetyloxybenzoic acid", "Name this compound."] * 20, VOCABULARY
    )


def make_tokenizer(pad_is_stop: bool = False) -> PreTrainedTokenizerFast:
    """A byte-level BPE of 290 tokens; with `pad_is_stop` it pads with its stop token, as GPT-2's is made to."""
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=_trained()._tokenizer,
        bos_token="<s>",
        eos_token="</s>",
        pad_token="</s>" if pad_is_stop else "<pad>",
        model_max_length=CONTEXT,
        padding_side="left",
    )
    assert len(tokenizer) == VOCABULARY
    return tokenizer


def make_tiny(
    architecture: str = "llama", *, dropout: float = 0.0, seed: int = 0, **overrides: Any
) -> PreTrainedModel:
    """A decoder of two layers in eval mode; its weights are spread so wide that its outputs vary."""
    model_type = "opt" if architecture == "opt-350m-like" else architecture
    tokenizer = make_tokenizer()
    arguments: dict[str, Any] = {
        "vocab_size": ROWS,
        "max_position_embeddings": CONTEXT,
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
        ("init_std" if model_type == "opt" else "initializer_range"): 0.3,
        **dict.fromkeys(DROPOUTS[model_type], dropout),
        **SIZES[model_type],
    }
    if architecture == "opt-350m-like":
        arguments |= {"word_embed_proj_dim": 16, "do_layer_norm_before": False}
    elif architecture == "opt":
        arguments |= {"word_embed_proj_dim": 32}
    config = AutoConfig.for_model(model_type, **(arguments | overrides))
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return AutoModelForCausalLM.from_config(config).eval()


def save_tiny(folder: Path, architecture: str = "llama", *, pad_is_stop: bool = False, **options: Any) -> str:
    """Write a tiny decoder and its tokenizer to a folder that `--model.base` accepts; return its path."""
    make_tiny(architecture, **options).save_pretrained(folder)
    make_tokenizer(pad_is_stop).save_pretrained(folder)
    return str(folder)


def make_rows(
    tokenizer: PreTrainedTokenizerFast, pairs: list[tuple[str, str]]
) -> list[tuple[list[int], list[int]]]:
    """Token ids of (prompt, completion with the stop token) for each pair of texts."""
    return [
        (
            tokenizer(prompt)["input_ids"],
            [*tokenizer(completion, add_special_tokens=False)["input_ids"], tokenizer.eos_token_id],
        )
        for prompt, completion in pairs
    ]


def make_batch(
    rows: list[tuple[list[int], list[int]]], pad: int, indices: list[int] | None = None
) -> dict[str, torch.Tensor]:
    """A batch as the data module makes them, with prompts; a row of index -1 is a filler (nothing supervised)."""
    indices = list(range(len(rows))) if indices is None else indices
    width = max(len(prompt) + len(completion) for prompt, completion in rows)
    left = max(len(prompt) for prompt, _ in rows)
    batch = {
        "input_ids": torch.full((len(rows), width), pad),
        "labels": torch.full((len(rows), width), -100),
        "prompt_ids": torch.full((len(rows), left), pad),
        "prompt_mask": torch.zeros((len(rows), left), dtype=torch.int64),
        "row_index": torch.tensor(indices),
    }
    for i, (prompt, completion) in enumerate(rows):
        batch["input_ids"][i, : len(prompt) + len(completion)] = torch.tensor(prompt + completion)
        if indices[i] >= 0:
            batch["labels"][i, len(prompt) : len(prompt) + len(completion)] = torch.tensor(completion)
        batch["prompt_ids"][i, left - len(prompt) :] = torch.tensor(prompt)
        batch["prompt_mask"][i, left - len(prompt) :] = 1
    return batch
