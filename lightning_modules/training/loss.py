"""The loss over supervised tokens, as a sum and a count. Pure torch.

Letters in shapes: B rows, T tokens, H hidden size, V vocabulary rows, N supervised tokens of the batch.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor
from transformers import PreTrainedModel

from lightning_modules.decoder.forward import logits_at
from lightning_modules.decoder.shared_prefix import encode_prefix
from lightning_modules.training.cross_entropy import cross_entropies

IGNORE_INDEX = -100

SeeLogits = Callable[[Tensor, Tensor, Tensor, Tensor], None]
"""Takes the logits `(N, V)` of supervised tokens, these tokens `(N,)`, their rows `(N,)`, and the places in these rows `(N,)` of
the tokens before them; a row's tokens stand together, in order."""


class TokenLosses(NamedTuple):
    """The losses of N supervised tokens."""

    losses: Tensor
    """(N,) cross-entropies in nats, with gradient, of at least float32."""
    rows: Tensor
    """(N,) int64, the row of each token, ascending."""

    def add_up(self) -> tuple[Tensor, Tensor]:
        """Return the sum of the losses and their number, two scalars.

        It returns no mean, because means over micro-batches of different completion lengths do not average to the token mean
        (transformers#34191). A batch without supervised tokens gives 0 and 0, with zero gradients.
        """
        return self.losses.sum(), torch.full((), len(self.losses), device=self.losses.device)


def token_losses(
    decoder: PreTrainedModel,
    input_ids: Tensor,
    labels: Tensor,
    attention_mask: Tensor | None = None,
    position_ids: Tensor | None = None,
    prefix: int = 0,
) -> TokenLosses:
    """Return the cross-entropies of the supervised tokens.

    Padded rows need no attention mask: the padding is on the right, where a causal model does not attend. Packed rows need
    both the mask and the position ids.

    Args:
        decoder: A causal language model.
        input_ids: `(B, T)`, padded on the right with any token.
        attention_mask: Packed rows only: `(B, 1, T, T)`, added to the attention scores.
        position_ids: Packed rows only: `(B, T)`, starting from 0 in each row.
        prefix: Padded rows only: length of a prefix that is the same in all rows and predicts no supervised token. It is
            run once for all rows; the loss and its gradients are the same up to rounding.
        labels: `(B, T)`, aligned with `input_ids` (the shift happens here); `IGNORE_INDEX` is not supervised.
    """
    targets_BT = F.pad(labels[:, 1:], (0, 1), value=IGNORE_INDEX)  # position t predicts token t + 1
    inputs: dict[str, Any] = {"attention_mask": attention_mask, "position_ids": position_ids}
    inputs = {name: value for name, value in inputs.items() if value is not None}
    if prefix:
        cache = encode_prefix(decoder, input_ids[:1, :prefix])
        cache.batch_repeat_interleave(len(input_ids))
        inputs |= {"past_key_values": cache, "use_cache": True}
        input_ids, targets_BT = input_ids[:, prefix:], targets_BT[:, prefix:]
    if decoder.base_model._compiled_call_impl is not None:
        # Otherwise torch would compile for the first batch's length, then again. The number of rows stays static, because
        # kernels for any number of rows took 1.3 times as long.
        torch._dynamo.maybe_mark_dynamic(input_ids, 1)
    targets = targets_BT.flatten()
    positions_N = (targets != IGNORE_INDEX).nonzero()[
        :, 0
    ]  # the step's only GPU synchronization: N must be known
    logits_NV = logits_at(decoder, positions_N, input_ids=input_ids, **inputs)
    return TokenLosses(cross_entropies(logits_NV, targets[positions_N]), positions_N // targets_BT.shape[1])


def supervised_loss(
    decoder: PreTrainedModel,
    input_ids: Tensor,
    labels: Tensor,
    attention_mask: Tensor | None = None,
    position_ids: Tensor | None = None,
    prefix: int = 0,
) -> tuple[Tensor, Tensor]:
    """Return the sum of the cross-entropies of the supervised tokens, and their number; see `token_losses` for the arguments.

    Returns:
        The loss sum in nats, a scalar with gradient of at least float32, and the count, an int64 scalar.
    """
    return token_losses(decoder, input_ids, labels, attention_mask, position_ids, prefix).add_up()


class RowLosses(NamedTuple):
    """The loss of B rows, without gradient, together and row by row."""

    loss: Tensor
    """() the sum over all supervised tokens, in nats."""
    tokens: Tensor
    """() int64, the number of supervised tokens."""
    row_losses: Tensor
    """(B,) the sum over each row's supervised tokens."""
    row_counts: Tensor
    """(B,) int64, the number of each row's supervised tokens."""


@torch.no_grad()
def loss_in_chunks(
    decoder: PreTrainedModel, input_ids: Tensor, labels: Tensor, rows: int, see: SeeLogits | None = None
) -> RowLosses:
    """Return the loss of padded rows, computed for at most `rows` rows at once.

    Rows of similar length share a chunk, and each chunk ends with the last supervised token of its longest row.

    Args:
        decoder: A causal language model.
        input_ids: `(B, T)`, padded on the right with any token.
        labels: `(B, T)`, aligned with `input_ids`; `IGNORE_INDEX` is not supervised.
        rows: Most rows of a chunk.
        see: Reads each chunk's logits.
    """
    ends = torch.arange(1, labels.shape[1] + 1, device=labels.device) * (labels != IGNORE_INDEX)
    lengths = ends.amax(dim=1).clamp(min=1)
    losses, row_losses = [], []
    chunks = lengths.argsort(descending=True).split(rows)
    for chunk in chunks:
        width = int(lengths[chunk[0]])
        targets = F.pad(labels[chunk, 1:width], (0, 1), value=IGNORE_INDEX).flatten()
        positions_N = (targets != IGNORE_INDEX).nonzero()[:, 0]
        logits_NV = logits_at(decoder, positions_N, input_ids=input_ids[chunk, :width])
        loss_N = cross_entropies(logits_NV, targets[positions_N])
        if see is not None:
            see(logits_NV, targets[positions_N], chunk[positions_N // width], positions_N % width)
        losses.append(loss_N.sum())
        row_losses.append(loss_N.new_zeros(len(chunk)).index_add_(0, positions_N // width, loss_N))
    row_counts = (labels[:, 1:] != IGNORE_INDEX).sum(dim=1)
    in_order = torch.cat(row_losses)[torch.cat(chunks).argsort()]
    return RowLosses(torch.stack(losses).sum(), row_counts.sum(), in_order, row_counts)
