from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from callbacks.run.answer_length_check import AnswerLengthCheck, count_too_long
from tests.helpers.callback_stubs import Pair, ScriptedModel, StubData, make_trainer

PAIRS = [Pair("a", "CCO", "CCO")] * 3


class MeasuredData(StubData):
    def answer_lengths(self, stage):
        return np.array([4, 9, 10]) if stage == "test" else np.array([1, 2, 3])


@pytest.mark.parametrize(("limit", "count"), [(7, 2), (8, 1), (9, 0), (2, 3), (100, 0)])
def test_a_reference_needs_room_for_all_but_its_stop_token(limit, count):
    assert count_too_long(np.array([4, 9, 10]), limit) == count


@pytest.mark.parametrize(
    ("stage", "limit", "told"), [("test", 8, True), ("test", 9, False), ("validate", 2, False)]
)
def test_references_that_cannot_be_written_are_told(tmp_path, capsys, stage, limit, told):
    model = ScriptedModel(PAIRS)
    model.generation = SimpleNamespace(max_new_tokens=limit)
    trainer = make_trainer(tmp_path, [AnswerLengthCheck()])
    getattr(trainer, stage)(model, datamodule=MeasuredData(PAIRS), verbose=False)
    printed = capsys.readouterr().out
    words = "1 of 3 test references take more than --model.generation.max_new_tokens 8 tokens (longest: 10)"
    assert (words in printed) == told
    assert ("Warning" in printed) == told
