from __future__ import annotations

from pathlib import Path

from callbacks.reports.prediction_table import PredictionTable
from callbacks.rows.outcomes import estimate_right, find_outcome
from callbacks.statistics.intervals import wilson_interval
from datamodules.storage.safe_csv import read_csv
from tests.helpers.callback_stubs import Pair, ScriptedModel, StubData, make_trainer


def tabulate(folder: Path, pairs: list[Pair]) -> list[dict[str, str]]:
    """The table that a test of scripted answers writes."""
    trainer = make_trainer(folder, [PredictionTable()])
    trainer.test(ScriptedModel(pairs), datamodule=StubData(pairs), verbose=False)
    return read_csv(folder / "test" / "predictions" / "test_epoch_0.csv")


def test_an_answer_that_is_cut_is_unfinished_unless_it_is_right():
    nothing = {
        "canonical": False,
        "without_stereo": False,
        "tautomer": False,
        "skeleton": False,
        "formula": True,
    }
    options = {
        "same": {"string": False},
        "relation": nothing,
        "reason": None,
        "unfinished": True,
        "readable": True,
    }
    assert find_outcome(**options) == "unfinished"
    assert find_outcome(**options | {"relation": nothing | {"canonical": True}}) == "equivalent"
    assert find_outcome(**options | {"same": {"string": True}}) == "exact"
    assert find_outcome(**options | {"reason": "valence"}) == "unfinished"
    assert find_outcome(**options | {"unfinished": False}) == "isomer"


def test_structures_are_judged_by_the_target(tmp_path):
    """A task that reads structures and writes structures may ask for another molecule than the given one."""
    answers = {"C1CC1C": "isomer", "OCC": "equivalent", "CC": "formula", "C1CC": "invalid"}
    pairs = []
    for answer in answers:
        target = "CCC=C" if answer == "C1CC1C" else "CCO"
        pairs += [
            Pair("N", target, answer, input_notation="smiles"),
            Pair("N", "CCO", "CCO", input_notation="smiles"),
        ]
    table = tabulate(tmp_path, pairs)
    assert [row["outcome"] for row in table[::2]] == list(answers.values())
    assert table[6]["reason"] == "unclosed ring"
    assert {row["asked_for"] for row in table[2:]} == {"CCO"}


def test_other_notations_have_outcomes_too(tmp_path):
    rows = [
        ("1.50", "1.5", "number"),
        ("x", "2", "number"),
        ("3", "2", "number"),
        ("H2O", "OH2", "formula"),
        ("a", "b", "text"),
    ]
    pairs = []
    for answer, target, notation in rows:
        pairs += [Pair("in", target, answer, "t", notation), Pair("in", "a", "a", "t", "text")]
    table = tabulate(tmp_path, pairs)
    assert [row["outcome"] for row in table[::2]] == [
        "equivalent",
        "invalid",
        "different",
        "equivalent",
        "different",
    ]


def test_right_is_exact_or_equivalent():
    metrics = {"outcome_exact": 0.5, "outcome_equivalent": 0.25, "outcome_isomer": 0.25, "rows": 8.0}
    low, high = wilson_interval(6, 8)
    assert estimate_right(metrics) == {"right": 0.75, "right_low": low, "right_high": high}
