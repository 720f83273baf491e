from __future__ import annotations

import pytest
from lightning.pytorch.trainer.states import TrainerFn

from datamodules.stages import SIDES, evaluated_rows


def test_a_stage_evaluates_the_last_side_that_it_uses_and_predict_its_file() -> None:
    rows = {stage: evaluated_rows(stage) for stage in SIDES}
    assert rows == {"fit": "val", "validate": "val", "test": "test", "predict": "predict"}


@pytest.mark.parametrize("stage", list(TrainerFn))
def test_lightnings_own_enumeration_is_understood(stage: TrainerFn) -> None:
    assert evaluated_rows(stage) == evaluated_rows(stage.value)
