"""Check the names of layers in flags against a base's configuration alone, before anything is made."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from transformers import AutoModelForCausalLM

from lightning_modules.decoder.adapters import choose_trainable, target_modules
from lightning_modules.decoder.bases import resolve_base
from lightning_modules.decoder.decoders import load_config


def check_layer_names(
    base: str,
    targets: str | Sequence[str] | None,
    trainable: Sequence[str] | None,
    trust_remote_code: bool = False,
) -> None:
    """Raise ValueError for a name of a layer that a base does not have; no weights are loaded.

    Args:
        base: See `resolve_base`.
        targets: See `LoraSettings.targets`; None without adapters.
        trainable: The patterns of `--model.trainable`, or None.
        trust_remote_code: Run Python code from the base's Hub repository.
    """
    if targets is None and trainable is None:
        return
    config = load_config(resolve_base(base), trust_remote_code)
    with torch.device("meta"):
        decoder = AutoModelForCausalLM.from_config(config, trust_remote_code=trust_remote_code)
    if targets is not None:
        target_modules(decoder, targets)
    if trainable is not None:
        choose_trainable(decoder, trainable)
