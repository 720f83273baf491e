"""Minimum risk training: draw candidates from the model, have them rewarded, and lower their expected risk.

The reward comes from outside, since models know no chemistry: a callback sets `reward_of`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, cast

import numpy as np
import torch
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from lightning_modules.decoder.adapters import rows_in_place
from lightning_modules.evaluation import as_written
from lightning_modules.generation.generate import generate, to_texts
from lightning_modules.generation.settings import GenerationSettings
from lightning_modules.training.expected_risk import (
    Question,
    Sequences,
    add_up_risk,
    read_questions,
)
from lightning_modules.training.loss import TokenLosses
from lightning_modules.training.risk_settings import RiskSettings

RewardOf = Callable[[list[int], list[str]], Sequence[float]]
"""Maps N row indices of training and N generated texts to N rewards in [0, 1], NaN where nothing tells the reward."""
LossesOf = Callable[[Mapping[str, Any]], TokenLosses]
"""Maps a batch to the losses of its supervised tokens, with gradient."""


class Drawn(NamedTuple):
    """A candidate."""

    ids: tuple[int, ...]
    """Its token ids, the stop token included."""
    text: str | None
    """None for a target that is no candidate."""
    stopped: bool
    draws: int
    """How often it was drawn."""


def draw(
    decoder: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    questions: Sequence[Question],
    settings: RiskSettings,
    max_new_tokens: int,
    step: int,
) -> list[list[Drawn]]:
    """Return each row's different candidates, a function of the weights, the seed, the step and the row's index.

    They are drawn in the precision of the weights, where a row's candidates do not depend on the other rows.

    Args:
        decoder: A causal language model.
        tokenizer: Its tokenizer.
        questions: The rows.
        settings: How many to draw, and how.
        max_new_tokens: Most tokens of a candidate.
        step: The number of optimizer steps before this one.
    """
    device, count = decoder.device, settings.candidates
    prompts = [question.prompt for question in questions for _ in range(count)]
    width = max(map(len, prompts))
    padding = [width - len(prompt) for prompt in prompts]
    ids = torch.tensor([[0] * short + prompt for short, prompt in zip(padding, prompts, strict=True)])
    mask = torch.tensor([[0] * short + [1] * (width - short) for short in padding])
    numbers = torch.tensor([one.row_index * count + number for one in questions for number in range(count)])
    sampling = GenerationSettings(
        strategy="sample",
        temperature=settings.temperature,
        seed=int(np.random.SeedSequence([settings.seed, step]).generate_state(1)[0]),
        max_new_tokens=max_new_tokens,
    )
    with as_written(device), rows_in_place(decoder):
        made = generate(decoder, tokenizer, ids.to(device), mask.to(device), sampling, numbers)
    found: list[dict[tuple[int, ...], Drawn]] = [{} for _ in questions]
    answers = zip(made.ids.tolist(), made.num_tokens.tolist(), made.text, made.stopped.tolist(), strict=True)
    for place, (tokens, length, text, stopped) in enumerate(answers):
        of_row, key = found[place // count], tuple(tokens[:length])
        of_row[key] = Drawn(key, text, stopped, of_row[key].draws + 1 if key in of_row else 1)
    return [list(of_row.values()) for of_row in found]


def reward_drawn(
    questions: Sequence[Question],
    drawn: Sequence[Sequence[Drawn]],
    reward_of: RewardOf,
    targets: Sequence[str | None],
) -> Sequences:
    """Return the sequences of some rows with their rewards; a candidate that did not stop has the reward 0.

    Args:
        questions: The rows.
        drawn: Their candidates.
        reward_of: Rewards texts.
        targets: The text of each row's target if it is a candidate, too, else None.
    """
    rows, found = list[int](), list[Drawn]()
    for number, (question, candidates, text) in enumerate(zip(questions, drawn, targets, strict=True)):
        target = Drawn(tuple(question.completion), text, True, 0)
        different = {one.ids: one for one in (target, *candidates)}  # a target that was drawn is a candidate
        rows += [number] * len(different)
        found += different.values()
    indices = [questions[row].row_index for row, one in zip(rows, found, strict=True) if one.text is not None]
    given = iter(reward_of(indices, [one.text for one in found if one.text is not None]))
    rewards = [math.nan if one.text is None else float(next(given)) for one in found]
    return Sequences(
        list(questions),
        [list(one.ids) for one in found],
        rows,
        [one.draws for one in found],
        [reward if one.stopped else 0 * reward for reward, one in zip(rewards, found, strict=True)],
    )


class MinimumRisk:
    """The objective, and what it has seen in the current accumulation window.

    Args:
        settings: The flags.

    Attributes:
        sums: `RiskSums.seen` of the window on this rank.
    """

    def __init__(self, settings: RiskSettings) -> None:
        self.settings = settings
        self.sums = torch.zeros(5, dtype=torch.float32)

    def batch_loss(
        self,
        decoder: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
        batch: Mapping[str, Any],
        *,
        losses_of: LossesOf,
        reward_of: RewardOf | None,
        max_new_tokens: int,
        step: int,
    ) -> tuple[Tensor, Tensor]:
        """Return the loss sum of a batch's rows, with gradient, and their number: two scalars.

        Args:
            decoder: A causal language model.
            tokenizer: Its tokenizer.
            batch: A padded training batch whose completions are supervised.
            losses_of: The forward pass.
            reward_of: Gives the rewards.
            max_new_tokens: Most tokens of a candidate.
            step: The number of optimizer steps before this one.

        Raises:
            ValueError: If rows are packed, or more than completions is supervised.
        """
        if "prefix_length" not in batch:
            raise ValueError(
                "Expected padded rows with supervised completions for --model.objective risk, but got others: set "
                "--data.packing false and --data.loss_on completion."
            )
        questions = read_questions(batch["row_index"], batch["input_ids"], batch["labels"])
        if not questions:
            return losses_of(batch).add_up()
        drawn = draw(decoder, tokenizer, questions, self.settings, max_new_tokens, step)
        targets: Sequence[str | None] = [None] * len(questions)
        if self.settings.reference:
            targets = to_texts(tokenizer, [question.completion for question in questions])
        sequences = reward_drawn(questions, drawn, check_rewards(reward_of), targets)
        laid_out = sequences.lay_out(cast(int, tokenizer.pad_token_id), batch["input_ids"].device)
        losses = losses_of({**laid_out, "prefix_length": batch["prefix_length"]})
        result = add_up_risk(losses, sequences, self.settings.sharpness, self.settings.alpha)
        self.sums = self.sums.to(result.seen) + result.seen
        return result.loss, torch.full((), result.rows, device=result.loss.device)

    def close(self, reduce: Callable[[Tensor], Tensor]) -> dict[str, Tensor]:
        """Return the window's values to log, over all ranks, and start a new window.

        Args:
            reduce: Sums a tensor over all ranks.
        """
        risk, rows, reward, draws, same = reduce(self.sums).unbind()
        self.sums = torch.zeros_like(self.sums)
        rows = rows.clamp(min=1)
        return {
            "train/risk": risk / rows,
            "train/reward": reward / draws.clamp(min=1),
            "train/same_reward": same / rows,
        }


def check_rewards(reward_of: RewardOf | None) -> RewardOf:
    """Return what gives the rewards.

    Raises:
        ValueError: If nothing does.
    """
    if reward_of is None:
        raise ValueError(
            "Expected callbacks.metrics.training.candidate_rewards.CandidateRewards among the callbacks, since it gives the "
            "rewards, but the configuration has none: add "
            "--trainer.callbacks+=callbacks.metrics.training.candidate_rewards.CandidateRewards to --model.objective risk."
        )
    return reward_of
