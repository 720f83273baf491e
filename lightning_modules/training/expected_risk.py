"""Expected risk over some candidates of each row, with probabilities that add up to 1 over them. Pure torch.

Shen et al. 2016, "Minimum Risk Training for Neural Machine Translation" (arXiv 1512.02433), equations 8 to 10.

Letters in shapes: R rows, C candidates of all rows, S sequences of all rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from lightning_modules.training.loss import IGNORE_INDEX, TokenLosses


def expected_risk(scores_C: Tensor, rewards_C: Tensor, row_C: Tensor, rows: int, sharpness: float) -> Tensor:
    """Return the expected risk of each row, (R,): the mean of 1 - reward, weighted by probability ** sharpness; 0 without any.

    Args:
        scores_C: Log-probabilities of whole sequences in nats, with gradient.
        rewards_C: In [0, 1].
        row_C: int64, the row of each candidate, in [0, R).
        rows: R.
        sharpness: Above 0. The larger, the more the most probable candidate alone decides.

    Examples:
        >>> scores = torch.tensor([-1.0, -1.0, -3.0])  # two equally probable candidates of row 0, and one of row 1
        >>> expected_risk(scores, torch.tensor([1.0, 0.0, 0.25]), torch.tensor([0, 0, 1]), rows=3, sharpness=0.5).tolist()
        [0.5, 0.75, 0.0]
    """
    scaled_C = sharpness * scores_C
    highest_R = scaled_C.new_full((rows,), -torch.inf).scatter_reduce(0, row_C, scaled_C.detach(), "amax")
    weight_C = (scaled_C - highest_R[row_C]).exp()
    nothing_R = scaled_C.new_zeros(rows)
    total_R = nothing_R.index_add(0, row_C, weight_C)
    risk_R = nothing_R.index_add(0, row_C, weight_C * (1 - rewards_C.to(weight_C)))
    return risk_R / (total_R + (total_R == 0))


class Question(NamedTuple):
    """A row that is trained."""

    row_index: int
    prompt: list[int]
    """Its token ids."""
    completion: list[int]
    """The token ids of its target, the stop token included."""


class Sequences(NamedTuple):
    """The targets and the candidates of R rows, each different sequence of a row once; the S sequences are in the rows' order."""

    questions: list[Question]
    completions: list[list[int]]
    """S lists of token ids; the first of each row is its target."""
    row: list[int]
    """S numbers in [0, R)."""
    draws: list[int]
    """S numbers: how often each was drawn; 0 of a target that was not."""
    rewards: list[float]
    """S rewards in [0, 1]; NaN for a target that is no candidate, or where nothing tells the reward."""

    def lay_out(self, pad_id: int, device: torch.device) -> dict[str, Tensor]:
        """Return `input_ids` and `labels` `(S, T)`, padded on the right, with the completions supervised."""
        texts = [
            (self.questions[row].prompt, completion)
            for row, completion in zip(self.row, self.completions, strict=True)
        ]
        width = max(len(prompt) + len(completion) for prompt, completion in texts)
        ids = [prompt + made + [pad_id] * (width - len(prompt) - len(made)) for prompt, made in texts]
        ignored = [(len(prompt), width - len(prompt) - len(made)) for prompt, made in texts]
        labels = [
            [IGNORE_INDEX] * before + made + [IGNORE_INDEX] * after
            for (before, after), (_, made) in zip(ignored, texts, strict=True)
        ]
        return {
            "input_ids": torch.tensor(ids, device=device),
            "labels": torch.tensor(labels, device=device),
        }


def read_questions(row_index: Tensor, input_ids: Tensor, labels: Tensor) -> list[Question]:
    """Return the prompts and targets of a padded training batch whose completions are supervised; none for a filler row."""
    found = []
    for index, ids, marked in zip(row_index.tolist(), input_ids.tolist(), labels.tolist(), strict=True):
        supervised = [place for place, label in enumerate(marked) if label != IGNORE_INDEX]
        if supervised:
            first, end = supervised[0], supervised[-1] + 1
            found.append(Question(index, ids[:first], ids[first:end]))
    return found


class RiskSums(NamedTuple):
    """The loss of a batch, and sums that say how it came about."""

    loss: Tensor
    """() the sum over the rows of risk + alpha * mean cross-entropy of a target's token, with gradient."""
    rows: int
    """R."""
    seen: Tensor
    """(5,) sums of: the risk of the rows with candidates; the number of these; the rewards of all draws; the number of these
    draws; the rows whose candidates all have the same reward."""


def add_up_risk(losses: TokenLosses, sequences: Sequences, sharpness: float, alpha: float) -> RiskSums:
    """Return the loss of some rows from the losses of their sequences' tokens.

    Args:
        losses: Of the batch that `Sequences.lay_out` made.
        sequences: The sequences.
        sharpness: See `expected_risk`.
        alpha: Weight of the targets' cross-entropy.
    """
    device, rows = losses.losses.device, len(sequences.questions)
    nats_S = losses.losses.new_zeros(len(sequences.row)).index_add(0, losses.rows, losses.losses)
    row_S = torch.tensor(sequences.row, device=device)
    reward_S = torch.tensor(sequences.rewards, dtype=nats_S.dtype, device=device)
    is_candidate_S = ~reward_S.isnan()
    row_C, reward_C = row_S[is_candidate_S], reward_S[is_candidate_S]
    risk_R = expected_risk(-nats_S[is_candidate_S], reward_C, row_C, rows, sharpness)
    lengths_R = nats_S.new_tensor([len(one.completion) for one in sequences.questions])
    is_target_S = row_S.diff(prepend=row_S.new_tensor([-1])) > 0
    loss = (risk_R + alpha * nats_S[is_target_S] / lengths_R).sum()
    draws_C = reward_S.new_tensor(sequences.draws)[is_candidate_S]
    same = count_same(sequences.row, sequences.rewards)
    seen = [risk_R.detach().sum(), row_C.unique().numel(), (draws_C * reward_C).sum(), draws_C.sum(), same]
    return RiskSums(loss, rows, torch.stack([torch.as_tensor(one).to(nats_S) for one in seen]))


def count_same(row: Sequence[int], rewards: Sequence[float]) -> int:
    """Return the number of rows whose candidates all have the same reward, which have no gradient of the risk.

    Examples:
        >>> count_same([0, 0, 1, 1, 2, 3], [1.0, 0.0, 1.0, 1.0, float("nan"), 0.5])
        2
    """
    found: dict[int, set[float]] = {}
    for number, reward in zip(row, rewards, strict=True):
        if reward == reward:
            found.setdefault(number, set()).add(reward)
    return sum(len(different) == 1 for different in found.values())
