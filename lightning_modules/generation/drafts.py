"""Take a row's known target as a draft of its answer: one pass over it tells which tokens decoding would have chosen. Pure torch.

Y. Leviathan et al., Fast Inference from Transformers via Speculative Decoding, ICML 2023, arXiv 2211.17192, verify a small
model's guesses like this. Here the guess is the target, and the pass that verifies it is the one that the loss needs anyway.

Letters in shapes: N rows, T tokens of the longest completion, B rows of a pass, L supervised tokens of a pass, V vocabulary rows.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from lightning_modules.decoder.forward import widened
from lightning_modules.generation.continuous_batching import Chooser
from lightning_modules.generation.settings import GenerationSettings


def takes_drafts(settings: GenerationSettings) -> bool:
    """Return whether a draft leads to the same answer as plain decoding.

    Beams rank whole sequences. Draws come from probabilities, whose rounding moves more often than the most probable token does.
    """
    return settings.strategy == "greedy" and not settings.block


@dataclass(frozen=True)
class Begun:
    """The first tokens of N completions, which decoding goes on from."""

    ids: Tensor
    """`(N, T)` int64, -1 after a row's last known token."""
    log_prob: Tensor
    """`(N, T)` their log-probabilities, 0 after the last one; at least float32."""
    replaced: Tensor
    """`(N,)` int64, see `constrained.ConstrainedChooser.replaced`."""

    @staticmethod
    def nothing(rows: int, dtype: torch.dtype, device: torch.device) -> Begun:
        """Return the beginning of N rows of which no token is known, for a decoder's type and device."""
        return Begun(
            torch.empty((rows, 0), dtype=torch.int64, device=device),
            torch.empty((rows, 0), dtype=widened(dtype), device=device),
            torch.zeros(rows, dtype=torch.int64),
        )

    @property
    def counts(self) -> Tensor:
        """`(N,)` int64, the number of known tokens."""
        return (self.ids >= 0).sum(dim=1)

    @property
    def newest(self) -> Tensor:
        """`(N,)` int64, the last known tokens, -1 where there is none."""
        padded = F.pad(self.ids, (1, 0), value=-1)
        return padded.gather(1, self.counts[:, None])[:, 0]

    def to_lists(self) -> list[list[int]]:
        """Return the known tokens of each row."""
        return [ids[:count] for ids, count in zip(self.ids.tolist(), self.counts.tolist(), strict=True)]

    def go_on(self, choose: Chooser, rows: Tensor) -> Chooser:
        """Return a chooser for decoding that begins after the known tokens.

        Args:
            choose: Chooses tokens of M rows.
            rows: `(N,)` which of the M rows these N are.
        """
        counts, newest = self.counts, self.newest

        def choose_next(logits: Tensor, row: Tensor, step: Tensor, last: Tensor) -> tuple[Tensor, Tensor]:
            return choose(logits, rows[row], step + counts[row], torch.where(last < 0, newest[row], last))

        return choose_next

    def join(self, rows: Tensor, ids: Tensor, log_prob: Tensor) -> tuple[Tensor, Tensor]:
        """Return the known tokens and their log-probabilities with those of some rows that were decoded after them.

        Args:
            rows: `(R,)`, which of the N rows were decoded.
            ids: `(R, S)` int64, -1 after the last token.
            log_prob: `(R, S)`.
        """
        counts, width = self.counts[rows], ids.shape[1]
        columns = counts[:, None] + torch.arange(width, device=ids.device)
        missing = max(0, int(counts.max()) + width - self.ids.shape[1])
        all_ids, all_log_prob = F.pad(self.ids, (0, missing), value=-1), F.pad(self.log_prob, (0, missing))
        return (
            all_ids.index_put((rows[:, None], columns), ids),
            all_log_prob.index_put((rows[:, None], columns), log_prob),
        )

    def take(self, rows: Tensor) -> Begun:
        """Return some rows."""
        return Begun(self.ids[rows], self.log_prob[rows], self.replaced[rows.to(self.replaced.device)])

    def without(self, rows: Tensor) -> Begun:
        """Return the same with nothing known of the rows for which `rows` `(N,)` is true."""
        return Begun(
            self.ids.masked_fill(rows[:, None], -1),
            self.log_prob.masked_fill(rows[:, None], 0),
            self.replaced.masked_fill(rows.to(self.replaced.device), 0),
        )


def follow_drafts(
    choose: Chooser,
    logits_LV: Tensor,
    first_B: Tensor,
    drafts_BT: Tensor,
    rows_B: Tensor,
    room_B: Tensor,
    stop: int,
) -> tuple[Tensor, Tensor]:
    """Return the tokens that decoding chooses up to the first that differs from a row's draft, and their log-probabilities.

    Args:
        choose: Chooses tokens as decoding does.
        logits_LV: A row's logits stand one after another, each computed with the draft before it.
        first_B: The place of each row's first logits.
        drafts_BT: int64, -1 after a draft's last token.
        rows_B: The rows' indices for `choose`.
        room_B: Most tokens of each row.
        stop: The stop token, which ends a row.

    Returns:
        `(B, T)` int64, -1 after the last known token, and `(B, T)`, 0 after it.

    Examples:
        >>> def choose(logits, rows, steps, last):
        ...     return logits.argmax(dim=1), logits.max(dim=1).values
        >>> logits = torch.eye(4)[[3, 1, 3, 2]]  # chosen with one row's draft: 3 1; with the other's: 3 2
        >>> drafts, first, rows = torch.tensor([[3, 1, -1], [1, 2, -1]]), torch.tensor([0, 2]), torch.tensor([0, 1])
        >>> follow_drafts(choose, logits, first, drafts, rows, torch.tensor([9, 9]), stop=1)[0].tolist()
        [[3, 1, -1], [3, -1, -1]]
    """
    ids_BT = torch.full_like(drafts_BT, -1)
    log_prob_BT = torch.zeros(drafts_BT.shape, dtype=widened(logits_LV.dtype), device=logits_LV.device)
    most_B = (drafts_BT >= 0).sum(dim=1).minimum(room_B)
    live, step = (most_B > 0).nonzero()[:, 0], 0
    while len(live):
        last = drafts_BT[live, step - 1] if step else torch.full_like(live, -1)
        token, log_prob = choose(
            logits_LV[first_B[live] + step], rows_B[live], torch.full_like(live, step), last
        )
        ids_BT[live, step], log_prob_BT[live, step] = token, log_prob
        step += 1
        live = live[(token == drafts_BT[live, step - 1]) & (token != stop) & (most_B[live] > step)]
    return ids_BT, log_prob_BT


class Drafts:
    """Follows the targets of N rows while their loss is computed, some rows at a time.

    A pass over prompts and targets has computed the logits of all supervised tokens; a completion's are the last ones of its row.
    """

    def __init__(
        self,
        choose: Chooser,
        replaced: list[int],
        prompt_lengths: Tensor,
        room: Tensor,
        stop: int,
        dtype: torch.dtype,
    ) -> None:
        """Begin with no token.

        Args:
            choose: Chooses tokens as decoding does.
            replaced: N numbers of replaced tokens, which `choose` counts up.
            prompt_lengths: `(N,)` int64; of an empty prompt no token is known, since nothing predicts the first one.
            room: `(N,)` int64, most tokens of each completion.
            stop: The stop token.
            dtype: The decoder's type.
        """
        self.choose, self.replaced, self.stop = choose, replaced, stop
        self.prompt_lengths, self.room = prompt_lengths, room
        shape = (len(room), int(room.max()))
        self.ids = room.new_full(shape, -1)
        self.log_prob = torch.zeros(shape, dtype=widened(dtype), device=room.device)

    def __call__(self, logits_LV: Tensor, targets_L: Tensor, rows_L: Tensor, places_L: Tensor) -> None:
        """Follow the targets of some rows.

        Args:
            logits_LV: The logits of supervised tokens.
            targets_L: These tokens.
            rows_L: int64, each token's row among the N; the tokens of a row stand together, in order.
            places_L: int64, the place in its row of the token before it, from which it is predicted.
        """
        rows_B, row_of_L, counts_B = torch.unique_consecutive(rows_L, return_inverse=True, return_counts=True)
        lengths_B = self.prompt_lengths[rows_B]
        steps_L = places_L + 1 - lengths_B[row_of_L]
        answers_L = (steps_L >= 0) & (lengths_B > 0)[row_of_L]
        first_B = counts_B.cumsum(0) - torch.zeros_like(counts_B).index_add_(0, row_of_L, answers_L.long())
        drafted_L = answers_L & (steps_L < self.ids.shape[1])
        drafts_BT = self.ids.new_full((len(rows_B), self.ids.shape[1]), -1)
        drafts_BT[row_of_L[drafted_L], steps_L[drafted_L]] = targets_L[drafted_L]
        self.ids[rows_B], self.log_prob[rows_B] = follow_drafts(
            self.choose, logits_LV, first_B, drafts_BT, rows_B, self.room[rows_B], self.stop
        )

    @property
    def begun(self) -> Begun:
        """What is known of the N completions by now."""
        return Begun(self.ids, self.log_prob, torch.tensor(self.replaced))
