"""mypy reads this file: whatever stands before callbacks has what they ask of it."""

from __future__ import annotations

from pathlib import Path

from callbacks.rows.protocols import EvaluatedModel, EvaluationData, evaluated_model, evaluation_data
from datamodules.sequence_task import SequenceTaskDataModule
from lightning_modules.causal_lm import CausalLM
from tests.helpers.callback_stubs import Pair, ScriptedModel, StubData, make_trainer

PAIRS = [Pair("a", "CCO", "CCO")]


def see_data(data: SequenceTaskDataModule, stub: StubData) -> tuple[EvaluationData, EvaluationData]:
    """Both are what callbacks know as data."""
    return data, stub


def see_model(model: CausalLM, stub: ScriptedModel) -> tuple[EvaluatedModel, EvaluatedModel]:
    """Both are what callbacks know as the model."""
    return model, stub


def test_a_trainer_hands_its_data_and_its_model_to_callbacks(tmp_path: Path) -> None:
    trainer, data, model = make_trainer(tmp_path, []), StubData(PAIRS), ScriptedModel(PAIRS)
    trainer.validate(model, datamodule=data, verbose=False)
    assert evaluation_data(trainer) is data
    assert evaluated_model(model) is model
