"""A decoder's logits where they are needed, and nowhere else. Pure torch.

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

    The output embedding costs more than the rest of a small model, so it sees only those positions. The hidden
    states are selected at its door: whatever an architecture does before (the projection of OPT-350m) or after
    (scaling, soft-capping) is untouched. An architecture without such a module gives all logits, selected after.

    Args:
        decoder: A causal language model.
        positions_N: Indices into the flattened `(B * T,)` tokens, in any order. Indices, since a mask of booleans would make
            a GPU tell how many are true each time that it is used.
        input_ids: `(B, T)`.
        inputs: Further arguments of the decoder.
    """
    with _output_embedding_sees(decoder, positions_N, input_ids.shape) as selected:
        logits = decoder(input_ids=input_ids, **{"use_cache": False, **inputs}).logits
    return logits[0] if selected else logits.flatten(0, 1)[positions_N]


@contextmanager
def _output_embedding_sees(
    decoder: PreTrainedModel, positions_N: Tensor, shape: torch.Size
) -> Iterator[list[bool]]:
    """Let the output embedding see only hidden states at the positions; the list is filled when it did."""
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
