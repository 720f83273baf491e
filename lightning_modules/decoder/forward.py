"""Compute a decoder's logits only at the positions that need them. Pure torch.

Letters in shapes: B rows, T tokens, V vocabulary rows, N positions.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedModel


def logits_at(decoder: PreTrainedModel, positions_N: Tensor, input_ids: Tensor, **inputs: Any) -> Tensor:
    """Run the decoder and return its logits `(N, V)` at the given positions.

    The output embedding costs more than the rest of a small model, so it receives only those positions. A hook selects the
    hidden states at its input, so an architecture's operations before it (the projection of OPT-350m) and after it
    (scaling, soft-capping) are unchanged. Without such a module, all logits are computed and then selected.

    Args:
        decoder: A causal language model.
        positions_N: Indices into the flattened `(B * T,)` tokens, in any order. A boolean mask would make a GPU
            synchronize at each use, to count its true values.
        input_ids: `(B, T)`.
        inputs: Other arguments of the decoder.
    """
    with _select_before_output_embedding(decoder, positions_N, input_ids.shape) as selected:
        logits = decoder(input_ids=input_ids, **{"use_cache": False, **inputs}).logits
    return logits[0] if selected else logits.flatten(0, 1)[positions_N]


@contextmanager
def in_eval_mode(decoder: PreTrainedModel) -> Iterator[None]:
    """Switch dropout off; afterwards the decoder is in the mode that it was in."""
    was_training = decoder.training
    decoder.eval()
    try:
        yield
    finally:
        decoder.train(was_training)


def widened(dtype: torch.dtype) -> torch.dtype:
    """Return the type in which losses and log-probabilities of logits of this type are computed: at least float32.

    Examples:
        >>> widened(torch.bfloat16), widened(torch.float64)
        (torch.float32, torch.float64)
    """
    return torch.promote_types(dtype, torch.float32)


@contextmanager
def _select_before_output_embedding(
    decoder: PreTrainedModel, positions_N: Tensor, shape: torch.Size
) -> Iterator[list[bool]]:
    """Pass only the hidden states at the positions to the output embedding; the yielded list is non-empty once that is done."""
    selected: list[bool] = []

    def select(_: torch.nn.Module, args: tuple[Any, ...]) -> tuple[Tensor] | None:
        if len(args) != 1 or args[0].ndim != 3 or args[0].shape[:2] != shape:
            return None
        selected.append(True)
        return (args[0].flatten(0, 1)[positions_N].unsqueeze(0),)

    head = decoder.get_output_embeddings()
    handle = head.register_forward_pre_hook(select) if head is not None else None
    try:
        yield selected
    finally:
        if handle is not None:
            handle.remove()
