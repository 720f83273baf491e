"""Gives the model the rewards of the candidates that it draws in training with `--model.objective risk`."""

from __future__ import annotations

from collections import defaultdict
from functools import partial

import numpy as np
from lightning.pytorch import Callback, LightningModule, Trainer

from callbacks.metrics.row_reader import find_readers, find_shared
from callbacks.rows.notation_calls import NotationCalls
from callbacks.rows.protocols import EvaluationData, evaluated_model, evaluation_data
from callbacks.rows.rewards import CheckedReward, Reward, check_reward


class CandidateRewards(Callback):
    """Rewards the candidates of `--model.objective risk` by `--model.risk.reward`; else it does nothing.

    Names are read by OPSIN, which needs Java and the extra `opsin`.
    """

    def __init__(self) -> None:
        self._calls: NotationCalls | None = None

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Give the model its rewards.

        Raises:
            ValueError: If a task has no such reward, or names cannot be read.
        """
        model = evaluated_model(pl_module)
        if stage != "fit" or model.objective != "risk":
            return
        data = evaluation_data(trainer)
        for task in data.tasks:
            if task.name in data.held_out:
                continue
            if task.input.mask == "spans":
                raise ValueError(
                    f"--model.objective risk cannot reward answers to {task.name!r}, whose gaps are others in each epoch: "
                    "leave the task out, or give it weight 0."
                )
            check_reward(model.risk.reward, task)
        self._calls = find_shared(trainer).calls if find_readers(trainer) else NotationCalls()
        model.reward_of = partial(reward_candidates, CheckedReward(model.risk.reward, self._calls), data)

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """End the child processes."""
        if self._calls is not None:
            evaluated_model(pl_module).reward_of = None
            self._calls.close()
            self._calls = None


def reward_candidates(reward: Reward, data: EvaluationData, rows: list[int], texts: list[str]) -> list[float]:
    """Return the rewards of texts that were generated for training rows, NaN where nothing tells the reward.

    Args:
        reward: Rewards answers.
        data: The rows.
        rows: N row indices.
        texts: N generated texts, the format's own text included.
    """
    tasks = {task.name: task for task in data.tasks}
    places = defaultdict[str, list[int]](list)
    found = {index: data.row("train", index) for index in dict.fromkeys(rows)}
    for place, index in enumerate(rows):
        places[found[index].task].append(place)
    rewards = np.full(len(rows), np.nan)
    for name, of_task in places.items():
        asked = [found[rows[place]] for place in of_task]
        answers = [data.extract("train", rows[place], texts[place]) for place in of_task]
        rewards[of_task] = reward(
            tasks[name], [row.meant for row in asked], [row.targets for row in asked], answers
        )
    return [float(one) for one in rewards]
