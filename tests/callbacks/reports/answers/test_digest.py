from __future__ import annotations

import torch

from callbacks.reports.answers.digest import describe_answers, hash_weights
from lightning_modules.generation.generate import GenerationSettings
from tests.helpers.callback_stubs import Pair, ScriptedModel


def test_weights_have_the_same_hash_until_a_bit_changes() -> None:
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2)).to(torch.bfloat16)
    before = hash_weights(model)
    assert hash_weights(model) == before
    with torch.no_grad():
        model[0].weight[1, 2] *= 1.01
    assert hash_weights(model) != before


def test_answers_depend_on_rows_weights_and_how_they_are_generated() -> None:
    model = ScriptedModel([Pair("a", "", "b")])
    before = describe_answers(model, "rows", False)
    assert describe_answers(model, "rows", False) == before
    model.generation = GenerationSettings(max_new_tokens=3)
    after = describe_answers(model, "others", False)
    assert [name for name in before if before[name] != after[name]] == ["rows", "settings"]
