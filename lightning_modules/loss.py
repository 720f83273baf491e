"""The loss over supervised tokens, as a sum and a count. Pure torch.

Letters in shapes: B rows, T tokens, H hidden size, V vocabulary rows, N supervised tokens of the batch.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from transformers import PreTrainedModel

from lightning_modules.shared_prefix import encode_prefix

IGNORE_INDEX = -100


def supervised_loss(
    decoder: PreTrainedModel,
    input_ids: Tensor,
    labels: Tensor,
    attention_mask: Tensor | None = None,
    position_ids: Tensor | None = None,
    prefix: int = 0,
) -> tuple[Tensor, Tensor]:
    """Return the sum of the cross-entropies of the supervised tokens, and their number.

    A sum and a count, and no mean: means over micro-batches of different completion lengths do not average to the
    token mean (transformers#34191). A batch without supervised tokens gives 0 and 0, with zero gradients.

    Padded rows need no attention mask: they are padded on the right, and in a causal model what comes later is not
    seen. Packed rows need both the mask and the position ids.

    Args:
        decoder: A causal language model.
        input_ids: `(B, T)`, padded on the right with any token.
        attention_mask: Packed rows only: `(B, 1, T, T)`, added to the attention scores.
        position_ids: Packed rows only: `(B, T)`, starting anew with each row.
        prefix: Padded rows only: the first so many tokens are the same in all rows and predict nothing that is
            supervised. They are run once for all rows; the loss and its gradients are the same but for rounding.
        labels: `(B, T)`, aligned with `input_ids` (the shift happens here); `IGNORE_INDEX` is not supervised.

    Returns:
        The loss sum in nats, a float32 scalar with gradient, and the count, an int64 scalar.
    """
    targets_BT = F.pad(
        labels[:, 1:], (0, 1), value=IGNORE_INDEX
    )  # the token that position t predicts is t + 1
    inputs: dict[str, Any] = {"attention_mask": attention_mask, "position_ids": position_ids}
    inputs = {name: value for name, value in inputs.items() if value is not None}
    if prefix:
        cache = encode_prefix(decoder, input_ids[:1, :prefix])
        cache.batch_repeat_interleave(len(input_ids))
        inputs |= {"past_key_values": cache, "use_cache": True}
        input_ids, targets_BT = input_ids[:, prefix:], targets_BT[:, prefix:]
    keep_BT = targets_BT != IGNORE_INDEX
    logits_NV = logits_at(decoder, keep_BT, input_ids=input_ids, **inputs)
    targets_N = targets_BT[keep_BT]
    loss_sum = F.cross_entropy(logits_NV.float(), targets_N, reduction="sum")
    return loss_sum, keep_BT.sum()


def loss_in_chunks(
    decoder: PreTrainedModel, input_ids: Tensor, labels: Tensor, rows: int
) -> tuple[Tensor, Tensor]:
    """Return what `supervised_loss` does for padded rows, with at most so many `rows` in memory at once.

    Rows of like length go together, and each chunk ends with the last supervised token of its longest row.
    """
    ends = torch.arange(1, labels.shape[1] + 1, device=labels.device) * (labels != IGNORE_INDEX)
    lengths = ends.amax(dim=1).clamp(min=1)
    losses, counts = [], []
    for chunk in lengths.argsort(descending=True).split(rows):
        width = int(lengths[chunk[0]])
        loss, count = supervised_loss(decoder, input_ids[chunk, :width], labels[chunk, :width])
        losses.append(loss)
        counts.append(count)
    return torch.stack(losses).sum(), torch.stack(counts).sum()


def logits_at(decoder: PreTrainedModel, keep_BT: Tensor, **inputs: Any) -> Tensor:
    """Run the decoder and return its logits `(N, V)` where `keep_BT` is true, in row-major order.

    The output embedding costs more than the rest of a small model, so it sees only the kept positions. The hidden
    states are selected at its door: whatever an architecture does before (the projection of OPT-350m) or after
    (scaling, soft-capping) is untouched. An architecture without such a module gives all logits, selected after.
    """
    with _output_embedding_sees(decoder, keep_BT) as selected:
        logits = decoder(**{"use_cache": False, **inputs}).logits
    return logits[0] if selected else logits[keep_BT]


@contextmanager
def _output_embedding_sees(decoder: PreTrainedModel, keep_BT: Tensor) -> Iterator[list[bool]]:
    """Let the output embedding see only hidden states where `keep_BT` is true; the list is filled when it did."""
    selected: list[bool] = []

    def select(_: torch.nn.Module, args: tuple[Any, ...]) -> tuple[Tensor] | None:
        if len(args) != 1 or args[0].ndim != 3 or args[0].shape[:2] != keep_BT.shape:
            return None
        selected.append(True)
        return (args[0][keep_BT].unsqueeze(0),)

    head = decoder.get_output_embeddings()
    handle = head.register_forward_pre_hook(select) if head is not None else None
    try:
        yield selected
    finally:
        if handle is not None:
            handle.remove()
