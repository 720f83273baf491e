"""Train part of a decoder: low-rank adapters (LoRA, DoRA, rsLoRA) by PEFT, or the parameters that patterns name.

Adapters are put into the decoder in place, so that it stays the transformers class it was: generation, hooks and
shapes are the same with and without them.
"""

from __future__ import annotations

import copy
import importlib.util
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Literal, cast

import torch
from transformers import PreTrainedModel
from transformers.pytorch_utils import Conv1D

ATTENTION = ("attn", "attention")
"""Every architecture calls its attention modules something with one of these in it."""


@dataclass(frozen=True)
class LoraSettings:
    """Low-rank adapters; the weights of the base stay as they are."""

    method: Literal["lora", "dora", "rslora"] = "lora"
    """lora (arXiv 2106.09685); dora trains the length of each weight column, too (2402.09353); rslora scales by
    alpha / sqrt(rank) in place of alpha / rank, for large ranks (2312.03732)."""
    rank: int = 16
    """Rank of the update of each weight matrix. At least 1."""
    alpha: float = 32.0
    """The update is scaled by alpha / rank. Above 0."""
    dropout: float = 0.0
    """Share of an adapter's inputs that is zeroed in training, in [0, 1)."""
    targets: Literal["attention", "all_linear"] | list[str] = "attention"
    """attention: all its projections; all_linear: every linear layer but the output embedding; or the names of
    modules, such as [q_proj, v_proj]."""

    def __post_init__(self) -> None:
        """Reject values that cannot work.

        Raises:
            ValueError: With the flag, what was expected and what came; also if PEFT is not installed.
        """
        checks = {
            "method": (self.method in ("lora", "dora", "rslora"), "lora, dora or rslora"),
            "rank": (self.rank >= 1, "at least 1"),
            "alpha": (self.alpha > 0, "above 0"),
            "dropout": (0 <= self.dropout < 1, "in [0, 1)"),
            "targets": (
                self.targets in ("attention", "all_linear")
                or (isinstance(self.targets, list) and len(self.targets) > 0),
                "attention, all_linear or a list of module names",
            ),
        }
        for name, (holds, expected) in checks.items():
            if not holds:
                raise ValueError(
                    f"Expected --model.peft.{name} to be {expected}, but got {getattr(self, name)!r}."
                )
        if importlib.util.find_spec("peft") is None:
            raise ValueError('--model.peft needs the package peft: `pip install -e ".[peft]"`.')


def linear_modules(decoder: PreTrainedModel) -> list[str]:
    """Return the full names of the linear layers, without the output embedding."""
    head = decoder.get_output_embeddings()
    return [
        name
        for name, module in decoder.named_modules()
        if isinstance(module, torch.nn.Linear | Conv1D) and module is not head
    ]


def target_modules(decoder: PreTrainedModel, targets: str | Sequence[str]) -> list[str]:
    """Return the full names of the linear layers that adapters go to.

    Args:
        decoder: A decoder without adapters.
        targets: See `LoraSettings.targets`; a name means every linear layer whose full name ends with it.

    Raises:
        ValueError: If a name means no linear layer.
    """
    names = linear_modules(decoder)
    if targets == "all_linear":
        return names
    if targets == "attention":
        return [name for name in names if any(word in name.rpartition(".")[0] for word in ATTENTION)]
    for target in targets:
        if not any(f".{name}".endswith(f".{target}") for name in names):
            raise ValueError(
                f"--model.peft.targets: no linear layer of this {decoder.config.model_type} is called {target!r}; "
                f"it has {', '.join(sorted({name.rpartition('.')[2] for name in names}))}."
            )
    return [name for name in names if any(f".{name}".endswith(f".{target}") for target in targets)]


def add_adapters(decoder: PreTrainedModel, settings: LoraSettings, new_ids: Sequence[int] = ()) -> None:
    """Freeze the decoder and put adapters into it, in place. They change nothing until they are trained.

    Args:
        decoder: In training mode, with all its embedding rows.
        settings: Kind, size and place of the adapters.
        new_ids: Rows of added tokens. They are trained in both embeddings: frozen, a new token would keep its initial
            row for good (huggingface/peft#2898).

    Raises:
        ValueError: If a target is not there, or the output embedding has a bias and rows to train.
    """
    from peft import LoraConfig
    from peft.functional import inject_adapter_in_model

    targets = target_modules(decoder, settings.targets)
    config = LoraConfig(
        r=settings.rank,
        lora_alpha=cast(int, settings.alpha),
        lora_dropout=settings.dropout,
        use_dora=settings.method == "dora",
        use_rslora=settings.method == "rslora",
        target_modules=targets,
        fan_in_fan_out=any(isinstance(decoder.get_submodule(name), Conv1D) for name in targets),
        trainable_token_indices=_trained_rows(decoder, new_ids) if new_ids else None,
    )
    inject_adapter_in_model(config, decoder)


def _trained_rows(decoder: PreTrainedModel, ids: Sequence[int]) -> dict[str, list[int]]:
    """Return the rows to train by the name of their embedding; PEFT finds a tied output embedding by itself."""
    names = {id(module): name for name, module in decoder.named_modules()}
    embedding, head = decoder.get_input_embeddings(), decoder.get_output_embeddings()
    rows = {names[id(embedding)]: list(ids)}
    if head is not None and head.weight is not embedding.weight:
        rows[names[id(head)]] = list(ids)
    if getattr(head, "bias", None) is not None:
        raise ValueError(
            f"--model.add_tokens with --model.peft: the output embedding of {type(decoder).__name__} has a bias, "
            "which PEFT leaves out when it trains single rows. Train all weights (no --model.peft)."
        )
    return rows


@contextmanager
def rows_in_place(decoder: PreTrainedModel) -> Iterator[None]:
    """Hold the trained rows in their embeddings themselves, for generating; nothing happens without such rows.

    Left to itself PEFT copies both embeddings at every token: SmolLM2-135M took 1.15 s of CPU time where this takes 0.72.
    Taking the rows out again is exact (the low-rank updates stay apart: theirs would be rounded).
    """
    layers: Any = [module for module in decoder.modules() if hasattr(module, "trainable_tokens_delta")]
    with (
        torch.inference_mode(False),
        torch.no_grad(),
    ):  # an inference tensor could never be trained around again
        for layer in layers:
            layer.merge()
    try:
        yield
    finally:
        with torch.inference_mode(False), torch.no_grad():
            for layer in layers:
                layer.unmerge()


def merge_adapters(
    decoder: PreTrainedModel, weights: Mapping[str, torch.Tensor]
) -> tuple[PreTrainedModel, dict[str, torch.Tensor]]:
    """Return a decoder without adapters and its weights, which have the adapters' updates in them.

    Args:
        decoder: With or without adapters; it stays as it is.
        weights: A state dict of `decoder`, with adapters if it has any.
    """
    if not hasattr(decoder, "peft_config"):
        return decoder, dict(weights)
    merged: Any = copy.deepcopy(decoder).cpu()
    merged.load_state_dict(weights)
    for name, module in list(merged.named_modules()):
        parent, _, child = name.rpartition(".")
        if hasattr(module, "unload_and_optionally_merge_module"):  # embeddings of which some rows are trained
            plain = module.unload_and_optionally_merge_module(merge=True, safe_merge=True, adapter_names=None)
        elif hasattr(module, "base_layer") and hasattr(module, "lora_A"):
            module.merge(safe_merge=True)
            plain = module.get_base_layer()
        else:
            continue
        setattr(merged.get_submodule(parent), child, plain)
    del merged.peft_config
    return merged, merged.state_dict()


def choose_trainable(decoder: PreTrainedModel, patterns: Sequence[str], new_ids: Sequence[int] = ()) -> None:
    """Freeze all parameters but those that patterns name, in place.

    Args:
        decoder: Without adapters.
        patterns: Shell patterns over the full names of parameters; `!` before a pattern freezes what it matches. The
            last pattern that matches counts. When the first one begins with `!`, the rest is trained.
        new_ids: Rows of added tokens, which must be among what is trained.

    Raises:
        ValueError: If a pattern matches nothing, or nothing is trained, or the new rows are not.
    """
    names = [name for name, _ in decoder.named_parameters()]
    if not patterns:
        raise ValueError("--model.trainable: expected at least one pattern, but got none.")
    for pattern in patterns:
        if not any(fnmatchcase(name, pattern.removeprefix("!")) for name in names):
            raise ValueError(
                f"--model.trainable: the pattern {pattern!r} matches no parameter. Names are like {names[0]}, "
                f"{names[len(names) // 2]}, {names[-1]}."
            )
    for name, parameter in decoder.named_parameters():
        trained = patterns[0].startswith("!")
        for pattern in patterns:
            if fnmatchcase(name, pattern.removeprefix("!")):
                trained = not pattern.startswith("!")
        parameter.requires_grad_(trained)
    if not any(parameter.requires_grad for parameter in decoder.parameters()):
        raise ValueError(f"--model.trainable {list(patterns)} leaves nothing to train.")
    embeddings: Any = (decoder.get_input_embeddings(), decoder.get_output_embeddings())
    if new_ids and not all(module.weight.requires_grad for module in embeddings if module is not None):
        raise ValueError(
            "--model.trainable freezes an embedding, but the tokens of --model.add_tokens need training: let a "
            "pattern name the embeddings, or use --model.peft, which trains the new rows only."
        )
