"""The rewards that a fit gives its model."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from callbacks.metrics.training.candidate_rewards import CandidateRewards, reward_candidates
from callbacks.metrics.validity import Validity
from datamodules.tasks import Task
from lightning_modules.training.risk_settings import RiskSettings
from tests.helpers.callback_stubs import Pair, ScriptedModel, StubData, make_trainer


def test_reward_candidates_asks_by_task_and_keeps_the_order() -> None:
    data = StubData([Pair("1", "CCO", "", "a"), Pair("2", "CCN", "", "b"), Pair("3", "CCC", "", "a")])
    asked: list[Any] = []

    def reward(task: Task, inputs: Any, references: Any, answers: Any) -> np.ndarray:
        asked.append((task.name, list(references), list(answers)))
        return np.array(
            [float(right[0] == answer) for right, answer in zip(references, answers, strict=True)]
        )

    found = reward_candidates(reward, data, [0, 1, 0, 2], ["CCO<end>", "CCO<end>", "C<end>", "CCC<end>"])
    assert found == [1, 0, 0, 1]
    assert asked == [
        ("a", [("CCO",), ("CCO",), ("CCC",)], ["CCO", "C", "CCC"]),
        ("b", [("CCN",)], ["CCO"]),
    ]


class RiskModel(ScriptedModel):
    objective = "risk"
    risk = RiskSettings(reward="valid")


def test_a_fit_gets_its_rewards_and_gives_them_back(tmp_path: Path) -> None:
    data, rewards = StubData([Pair("1", "CCO", "CCO")]), CandidateRewards()
    model, metric = RiskModel(data.pairs), Validity()
    trainer = make_trainer(tmp_path, [rewards, metric])
    trainer.datamodule = data  # type: ignore[attr-defined]
    rewards.setup(trainer, model, "fit")
    assert model.reward_of is not None
    assert model.reward_of([0, 0], ["OCC<end>", "C(<end>"]) == [1, 0]
    rewards.teardown(trainer, model, "fit")
    assert model.reward_of is None


@pytest.mark.parametrize(("kind", "stage"), [(ScriptedModel, "fit"), (RiskModel, "test")])
def test_nothing_is_given_where_nothing_is_drawn(tmp_path: Path, kind: Any, stage: str) -> None:
    data, rewards = StubData([Pair("1", "CCO", "CCO")]), CandidateRewards()
    model = kind(data.pairs)
    trainer = make_trainer(tmp_path, [rewards])
    trainer.datamodule = data  # type: ignore[attr-defined]
    rewards.setup(trainer, model, stage)
    assert model.reward_of is None
    rewards.teardown(trainer, model, stage)


def test_a_task_without_such_a_reward_is_told(tmp_path: Path) -> None:
    data = StubData([Pair("1", "x", "x", output_notation="text")])
    model: Any = RiskModel(data.pairs)
    model.risk = RiskSettings(reward="formula")
    trainer = make_trainer(tmp_path, [CandidateRewards()])
    trainer.datamodule = data  # type: ignore[attr-defined]
    with pytest.raises(ValueError, match=r"molecules, names or formulas as answers for the reward formula"):
        CandidateRewards().setup(trainer, model, "fit")


def test_gaps_that_change_with_the_epoch_are_not_rewarded(tmp_path: Path) -> None:
    data = StubData([Pair("C?O", "CCO", "CCO")])
    model: Any = RiskModel(data.pairs)
    rewards, trainer = CandidateRewards(), make_trainer(tmp_path, [])
    [task] = data.tasks
    masked = replace(task, input=replace(task.input, mask="spans"))
    trainer.datamodule = SimpleNamespace(tasks=[masked], held_out=[])  # type: ignore[attr-defined]
    with pytest.raises(ValueError, match=r"--model.objective risk cannot reward answers to .* gaps"):
        rewards.setup(trainer, model, "fit")
