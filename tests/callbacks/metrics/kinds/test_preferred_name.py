from __future__ import annotations

import pytest

from callbacks.metrics.kinds.preferred_name import PreferredName
from callbacks.statistics.intervals import wilson_interval
from tests.helpers.callback_stubs import Pair, ScriptedModel, StubData, make_trainer
from tests.helpers.fake_opsin import fake_opsin, need_opsin, no_java

# Input, reference, answer, and whether the answer is preferred.
NAMED = [
    ("Cc1cc(Cl)ccc1O", "4-chloro-2-methylphenol", "4-chloro-2-methylphenol", True),
    ("Cc1cc(Cl)ccc1O", "4-chloro-2-methylphenol", "2-methyl-4-chlorophenol", False),  # out of order
    (
        "Cc1ccc(C)c(C)c1",
        "1,2,4-trimethylbenzene",
        "1,3,4-trimethylbenzene",
        False,
    ),  # right, but the reference is lower
    ("CCO", "ethanol", "1,3,4-trimethylbenzene", True),  # of another molecule, no other name is at hand
    ("CCO", "ethanol", "2-methyl-4-chlorophenol", False),
    ("CCO", "ethanol", "banana", False),  # no name
    ("CC(C)O", "isopropyl alcohol", "propan-2-ol", False),  # the reference has no locant at all
    ("CC(C)CC", "3-methylbutane", "2-methylbutane", True),  # lower than the reference
]
MEANINGS = {
    "4-chloro-2-methylphenol": "Cc1cc(Cl)ccc1O", "2-methyl-4-chlorophenol": "Cc1cc(Cl)ccc1O", "propan-2-ol": "CC(C)O",
    "1,2,4-trimethylbenzene": "Cc1ccc(C)c(C)c1", "1,3,4-trimethylbenzene": "Cc1ccc(C)c(C)c1", "ethanol": "CCO",
    "isopropyl alcohol": "CC(C)O", "2-methylbutane": "CC(C)CC", "3-methylbutane": "CC(C)CC",
}  # fmt: skip


def evaluate(folder, named=NAMED):
    pairs = [Pair(given, target, answer, "name", "iupac", "smiles") for given, target, answer, _ in named]
    trainer = make_trainer(folder, [PreferredName()])
    trainer.test(ScriptedModel(pairs), datamodule=StubData(pairs), verbose=False)
    return {name: float(value) for name, value in trainer.callback_metrics.items()}


@pytest.mark.parametrize("number", range(len(NAMED)))
def test_a_name_is_preferred_by_its_order_and_the_references_locants(number, tmp_path):
    with fake_opsin(MEANINGS):
        metrics = evaluate(tmp_path, [NAMED[number]])
    assert metrics["test/name/preferred_name"] == NAMED[number][-1]


def test_the_rate_is_of_all_answers_with_wilsons_interval(tmp_path):
    with fake_opsin(MEANINGS):
        metrics = evaluate(tmp_path)
    right = sum(preferred for *_, preferred in NAMED)
    assert metrics["test/name/preferred_name"] == pytest.approx(right / len(NAMED))
    low, high = wilson_interval(right, len(NAMED))
    assert metrics["test/name/preferred_name_low"] == pytest.approx(low)
    assert metrics["test/name/preferred_name_high"] == pytest.approx(high)


@need_opsin()
def test_the_real_opsin_gives_the_same(tmp_path):
    metrics = evaluate(tmp_path)
    assert metrics["test/name/preferred_name"] == pytest.approx(sum(row[-1] for row in NAMED) / len(NAMED))


def test_without_opsin_it_is_left_out(tmp_path):
    with no_java():
        assert "test/name/preferred_name" not in evaluate(tmp_path)


def test_other_outputs_are_left_out(tmp_path):
    pairs = [Pair("ethanol", "CCO", "CCO", "draw", "smiles", "iupac")]
    trainer = make_trainer(tmp_path, [PreferredName()])
    with fake_opsin(MEANINGS):
        trainer.test(ScriptedModel(pairs), datamodule=StubData(pairs), verbose=False)
    assert "test/draw/preferred_name" not in trainer.callback_metrics
