"""Train part of a decoder: low-rank adapters (LoRA, DoRA, rsLoRA) with PEFT, or parameters chosen by patterns.

Adapters are added to the decoder in place, so the decoder keeps its transformers class. Generation, hooks and shapes are
the same with and without adapters.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from fnmatch import fnmatchcase
from typing import Any, cast

import torch
from transformers import PreTrainedModel
from transformers.pytorch_utils import Conv1D

from lightning_modules.decoder.lora_settings import LoraSettings

ATTENTION = ("attn", "attention")
"""In every architecture, the names of attention modules contain one of these."""


def linear_modules(decoder: PreTrainedModel) -> list[str]:
    """Return the full names of the linear layers, except the output embedding."""
    head = decoder.get_output_embeddings()
    return [
        name
        for name, module in decoder.named_modules()
        if isinstance(module, torch.nn.Linear | Conv1D) and module is not head
    ]


def target_modules(decoder: PreTrainedModel, targets: str | Sequence[str]) -> list[str]:
    """Return the full names of the linear layers that get adapters.

    Args:
        decoder: A decoder without adapters.
        targets: See `LoraSettings.targets`; a name selects every linear layer whose full name ends with it.

    Raises:
        ValueError: If a name selects no linear layer.
    """
    names = linear_modules(decoder)
    if targets == "all_linear":
        return names
    if targets == "attention":
        return [name for name in names if any(part in name.rpartition(".")[0] for part in ATTENTION)]
    for target in targets:
        if not any(f".{name}".endswith(f".{target}") for name in names):
            raise ValueError(
                f"--model.peft.targets: no linear layer of this {decoder.config.model_type} is called {target!r}; "
                f"it has {', '.join(sorted({name.rpartition('.')[2] for name in names}))}."
            )
    return [name for name in names if any(f".{name}".endswith(f".{target}") for target in targets)]


def refuse_both(peft: LoraSettings | None, trainable: Sequence[str] | None) -> None:
    """Raise ValueError if adapters and parameters by name are asked for together."""
    if peft is not None and trainable is not None:
        raise ValueError(
            "Expected --model.peft or --model.trainable, but got both: adapters freeze all weights of the base."
        )


def add_adapters(decoder: PreTrainedModel, settings: LoraSettings, new_ids: Sequence[int] = ()) -> None:
    """Freeze the decoder and add adapters in place. Untrained adapters do not change its outputs.

    Args:
        decoder: In training mode, with all its embedding rows.
        settings: Method, size and target modules of the adapters.
        new_ids: Rows of added tokens, trained in both embeddings. A frozen new token would keep its initial row
            (huggingface/peft#2898).

    Raises:
        ValueError: If a target does not exist, or if the output embedding has a bias and rows to train.
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
    """Return the rows to train, by the name of their embedding; PEFT itself finds a tied output embedding."""
    names = {id(module): name for name, module in decoder.named_modules()}
    embedding, head = decoder.get_input_embeddings(), decoder.get_output_embeddings()
    rows = {names[id(embedding)]: list(ids)}
    if head is not None and head.weight is not embedding.weight:
        rows[names[id(head)]] = list(ids)
    if getattr(head, "bias", None) is not None:
        raise ValueError(
            f"--model.add_tokens with --model.peft: the output embedding of {type(decoder).__name__} has a bias, "
            "which PEFT omits when it trains single rows. Train all weights (no --model.peft)."
        )
    return rows


@contextmanager
def rows_in_place(decoder: PreTrainedModel) -> Iterator[None]:
    """Merge the trained rows into their embeddings during generation; without such rows, do nothing.

    By default PEFT copies both embeddings at every token: SmolLM2-135M took 1.15 s of CPU time, and 0.72 s with this.
    Unmerging the rows is exact. Unmerging the low-rank updates would round, so they are not merged.
    """
    layers: Any = [module for module in decoder.modules() if hasattr(module, "trainable_tokens_delta")]
    with (
        torch.inference_mode(False),
        torch.no_grad(),
    ):  # autograd can never use an inference tensor in training again
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
    """Return a decoder without adapters and its weights, which include the adapters' updates.

    Args:
        decoder: With or without adapters; it is not changed.
        weights: A state dict of `decoder`, including its adapters if any.
    """
    if not hasattr(decoder, "peft_config"):
        return decoder, dict(weights)
    merged: Any = copy.deepcopy(decoder).cpu()
    merged.load_state_dict(weights)
    for name, module in list(merged.named_modules()):
        parent, _, child = name.rpartition(".")
        if hasattr(module, "unload_and_optionally_merge_module"):  # an embedding with some trained rows
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
    """Freeze all parameters except those that patterns select, in place.

    Args:
        decoder: Without adapters.
        patterns: Shell patterns over the full names of parameters; a pattern with a leading `!` freezes its matches.
            The last matching pattern decides. If the first pattern has a leading `!`, unmatched parameters are trained.
        new_ids: Rows of added tokens, which must be trainable.

    Raises:
        ValueError: If a pattern matches nothing, if no parameter is trained, or if the new rows are frozen.
    """
    names = [name for name, _ in decoder.named_parameters()]
    if not patterns:
        raise ValueError("--model.trainable: expected at least one pattern, but got none.")
    for pattern in patterns:
        if not any(fnmatchcase(name, pattern.removeprefix("!")) for name in names):
            raise ValueError(
                f"--model.trainable: the pattern {pattern!r} matches no parameter. Examples of names are {names[0]}, "
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
