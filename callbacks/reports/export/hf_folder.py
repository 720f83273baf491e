"""The files of an exported folder, written so that transformers 4 and 5 and what builds on them read the same.

Transformers 5 writes files that version 4 cannot read, or reads differently in silence. Each rule here undoes one of these.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from callbacks.reports.export.chat_template import asks_alike, find_begin, make_chat_template
from datamodules.texts.asking import Asking

PROBES = ("CCO", "2-methylpropan-1-ol", "ein Wort, größer", "<x> 1.5")
"""Texts with which a chat template is compared with training."""
OWN_RULE = "(?:Ring|Branch)"
"""What only the rule has by which the tokenizers that ship split text (`bench/release/train_tokenizer.py`)."""
_ONLY_5 = ("backend", "is_local", "local_files_only", "extra_special_tokens")


def adapt_tokenizer_config(config: Mapping[str, Any], special_tokens: list[str]) -> dict[str, Any]:
    """Return a `tokenizer_config.json` that both versions read.

    - `TokenizersBackend`, and the classes of models, which version 5 builds anew from the vocabulary, become
      `PreTrainedTokenizerFast`: in both versions exactly what `tokenizer.json` says.
    - Special tokens stand under their name in version 4, as a list; version 5 reads that, too.
    - `model_input_names`, without which version 4 passes `token_type_ids` that decoders refuse.

    Args:
        config: As transformers 5 writes it for a fast tokenizer.
        special_tokens: Special tokens beside those that have a name, such as `eos_token`.
    """
    kept = {key: value for key, value in config.items() if key not in _ONLY_5 and key != "chat_template"}
    if special_tokens:
        kept["additional_special_tokens"] = special_tokens
    return {
        **kept,
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_input_names": ["input_ids", "attention_mask"],
    }


def adapt_model_config(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return a `config.json` that both versions read: the angles of RoPE also where version 4 looks for them.

    Decoders with other angles for each kind of layer (Gemma 3) have `rope_local_base_freq` for the layers with a window.

    Examples:
        >>> adapt_model_config({"rope_parameters": {"rope_theta": 100000.0, "rope_type": "default"}})["rope_theta"]
        100000.0
    """
    rope = config.get("rope_parameters")
    if not isinstance(rope, Mapping):
        return dict(config)
    whole, window = rope.get("full_attention", rope), rope.get("sliding_attention")
    if "rope_theta" not in whole:
        return dict(config)
    adapted = {**config, "rope_theta": whole["rope_theta"]}
    if window is not None:
        adapted["rope_local_base_freq"] = window["rope_theta"]
    if whole.get("rope_type", "default") != "default":
        adapted["rope_scaling"] = {key: value for key, value in whole.items() if key != "rope_theta"}
    return adapted


def set_pipelines(config: Mapping[str, Any], max_new_tokens: int) -> dict[str, Any]:
    """Return a `config.json` with which pipelines of version 4 answer greedily, too, and as long as `generate` does.

    They take their own `do_sample: true`, `temperature: 0.7` and 256 tokens for any `generation_config.json`, but what a model
    says of their task counts more. Version 5 does not read it.
    """
    greedy = {"do_sample": False, "temperature": 1.0, "max_new_tokens": max_new_tokens}
    return {**config, "task_specific_params": {"text-generation": greedy}}


def adapt_generation_config(
    config: Mapping[str, Any], eos: int, pad: int, max_new_tokens: int
) -> dict[str, Any]:
    """Return a `generation_config.json` with which any tool answers as `predict` does: greedily, until the stop token.

    Without `do_sample: false` a text-generation pipeline samples; without `max_new_tokens` it stops after 20 tokens. No setting
    of sampling stands beside `do_sample: false`: both versions would warn that it is not valid.
    """
    sampling = ("temperature", "top_k", "top_p", "min_p", "typical_p", "epsilon_cutoff", "eta_cutoff")
    kept = {key: value for key, value in config.items() if key not in sampling}
    return {
        **kept, "do_sample": False, "eos_token_id": eos, "pad_token_id": pad, "max_new_tokens": max_new_tokens
    }  # fmt: skip


def make_portable(
    folder: Path, tokenizer: Any, asking: Asking, max_new_tokens: int, choice_score: str = "sum"
) -> str | None:
    """Rewrite the files that transformers 5 wrote, and add the chat template and `patois.json`.

    Args:
        folder: Where decoder and tokenizer were saved.
        tokenizer: The tokenizer.
        asking: How the model is asked.
        max_new_tokens: Maximum number of tokens of an answer.
        choice_score: How the run scores the choices of a task.

    Returns:
        Why the folder has no chat template of the run's format, or None if it has one.
    """
    if tokenizer.is_fast:
        _rewrite(
            folder / "tokenizer_config.json",
            lambda config: adapt_tokenizer_config(config, _special_tokens(config)),
        )
    _rewrite(
        folder / "config.json",
        lambda config: set_pipelines(adapt_model_config(config), max_new_tokens),
    )
    eos, pad = tokenizer.eos_token_id, tokenizer.pad_token_id
    pad = eos if pad is None else pad
    _rewrite(
        folder / "generation_config.json",
        lambda config: adapt_generation_config(config, eos, pad, max_new_tokens),
    )
    asking.save(folder, stop=[tokenizer.eos_token], max_new_tokens=max_new_tokens, choice_score=choice_score)
    return _write_chat_template(folder / "chat_template.jinja", tokenizer, asking)


def why_no_gguf(folder: Path) -> str | None:
    """Return why llama.cpp cannot read the model in a folder, or None if nothing is known that speaks against it."""
    path = folder / "tokenizer.json"
    if not path.is_file():
        return None
    rule = json.loads(path.read_text(encoding="utf-8")).get("pre_tokenizer")
    if OWN_RULE not in json.dumps(rule):
        return None
    return (
        "its tokenizer splits text by a rule of Patois's own, which llama.cpp does not have: llama.cpp's converter "
        "refuses it, and any other rule would cut other tokens"
    )


def _write_chat_template(path: Path, tokenizer: Any, asking: Asking) -> str | None:
    if not asking.form.asks:
        return None  # a text to go on with, not a question: the base's own template may stay
    begin = "" if asking.form.chat else find_begin(tokenizer)
    if begin is not None:
        template = make_chat_template(asking, begin, tokenizer.chat_template)
        if asking.shots or asks_alike(tokenizer, asking, template, PROBES):
            path.write_text(template, encoding="utf-8")
            return None
    path.unlink(missing_ok=True)
    return "its tokenizer cuts the text of a chat into other tokens than training did"


def _special_tokens(config: Mapping[str, Any]) -> list[str]:
    """Return special tokens that have no name, or one of their own."""
    extra = config.get("extra_special_tokens") or []
    return list(extra.values() if isinstance(extra, Mapping) else extra)


def _rewrite(path: Path, change: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    """Change the content of a JSON file, if there is one."""
    if path.is_file():
        content = change(json.loads(path.read_text(encoding="utf-8")))
        path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
