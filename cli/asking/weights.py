"""Load a model's weights: an exported folder, or a checkpoint of a run; needs PyTorch."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

from callbacks.loggers.terminal import without_transformers_bars
from callbacks.run.run_facts import load_checkpoint
from cli.settings.run_settings import read_typed_settings
from lightning_modules.causal_lm import CausalLM
from lightning_modules.decoder.adapters import LoraSettings
from lightning_modules.decoder.decoders import load_decoder, load_tokenizer
from lightning_modules.generation.settings import GenerationSettings


class Weights(NamedTuple):
    """A decoder that can be asked."""

    decoder: Any
    tokenizer: Any
    max_new_tokens: int
    """The most tokens of an answer."""

    @property
    def room(self) -> int:
        """The most tokens of a question."""
        return int(self.tokenizer.model_max_length) - 1


def load_weights(path: Path) -> Weights:
    """Return a decoder and its tokenizer.

    Args:
        path: A Hugging Face folder, or a checkpoint in its run's folder. No third-party code runs.
    """
    with without_transformers_bars():
        return _load_checkpoint(path) if path.is_file() else _load_folder(path)


def _load_folder(path: Path) -> Weights:
    """Return the same of an exported folder."""
    settings = json.loads((path / "generation_config.json").read_text(encoding="utf-8"))
    return Weights(
        load_decoder(str(path), "pretrained").eval(),
        load_tokenizer(str(path)),
        settings.get("max_new_tokens") or GenerationSettings().max_new_tokens,
    )


def _load_checkpoint(path: Path) -> Weights:
    """Return the same of a checkpoint, with adapters merged; the run's config.yaml says of which base it is."""
    model = read_typed_settings(path.resolve().parent.parent).get("model") or {}
    names = ("base", "init", "add_tokens", "trainable")
    given = {name: model[name] for name in names if model.get(name) is not None}
    peft = LoraSettings(**model["peft"]) if model.get("peft") else None
    module = CausalLM(**given, peft=peft)
    module.configure_model()
    checkpoint = load_checkpoint(path)
    module.on_load_checkpoint(checkpoint)
    module.load_state_dict(checkpoint["state_dict"])
    decoder, weights = module.plain_decoder(module.decoder.state_dict())
    decoder.load_state_dict(weights)
    limit = (model.get("generation") or {}).get("max_new_tokens") or GenerationSettings().max_new_tokens
    return Weights(decoder.eval(), module.tokenizer, limit)
