from __future__ import annotations

import csv
import math

import pytest

from callbacks.metrics.confidence import Confidence
from callbacks.metrics.stratified_match import StratifiedMatch
from callbacks.reports.end_lines import describe_evaluation
from callbacks.reports.prediction_table import PredictionTable
from callbacks.statistics.intervals import wilson_interval
from datamodules.storage.safe_csv import read_csv
from lightning_modules.generation.generate import GenerationSettings
from tests.helpers.callback_stubs import Pair, ScriptedModel, StubData, make_trainer


@pytest.mark.parametrize("plots", [True, False])
def test_a_test_writes_the_files(tmp_path, monkeypatch, plots):
    """ScriptedModel gives row i the score -0.5 i - 1."""
    if not plots:
        monkeypatch.setattr("callbacks.metrics.confidence.find_spec", lambda _: None)
    pairs = [Pair("in", "CCO", answer) for answer in ("CCO", "OCC", "CC", "C(")]
    pairs.append(Pair("in", "a", "a", "spell", "text"))
    trainer = make_trainer(tmp_path, [Confidence()])
    trainer.test(ScriptedModel(pairs), datamodule=StubData(pairs), verbose=False)
    metrics = {name: float(value) for name, value in trainer.callback_metrics.items()}
    p = [math.exp(-0.5 * row - 1) for row in range(5)]
    assert metrics["test/spell/ece"] == pytest.approx(1 - p[4])
    assert metrics["test/to_smiles/aurc"] == pytest.approx((0 + 0 + 1 / 3 + 1 / 2) / 4)
    assert "test/to_smiles/ece_low" in metrics
    assert "test/to_smiles/aurc_low" not in metrics
    with (tmp_path / "test" / "abstaining.csv").open(newline="") as file:
        lines = [line for line in csv.DictReader(file) if line["task"] == "to_smiles"]
    half = next(line for line in lines if line["coverage"] == "0.5")
    assert (half["rows"], half["right"]) == ("2", "1.0")
    assert float(half["threshold"]) == pytest.approx(p[1])
    assert (tmp_path / "test" / "calibration.csv").is_file()
    assert (tmp_path / "test" / "confidence.png").is_file() == plots


def test_a_fit_measures_none(tmp_path):
    pairs = [Pair("in", "CCO", "CCO")]
    trainer = make_trainer(tmp_path, [Confidence()])
    trainer.fit(ScriptedModel(pairs), datamodule=StubData(pairs))
    assert not list(tmp_path.rglob("*.csv"))


def test_what_is_less_probable_than_the_threshold_is_not_answered(tmp_path):
    """Of 4 rows with the probabilities e^-1, e^-1.5, e^-2, e^-2.5 three are answered: exact, another spelling, wrong."""
    pairs = [Pair("in", "CCO", answer) for answer in ("CCO", "OCC", "CC", "CCO")]
    model = ScriptedModel(pairs)
    model.generation = GenerationSettings(abstain_below=0.1)
    trainer = make_trainer(tmp_path, [Confidence(), PredictionTable(wandb_rows=0)])
    trainer.test(model, datamodule=StubData(pairs), verbose=False)
    metrics = {name: float(value) for name, value in trainer.callback_metrics.items()}
    for name, count, rows in (
        ("coverage", 3, 4),
        ("exact_match_answered", 1, 3),
        ("right_answered", 2, 3),
    ):
        assert metrics[f"test/to_smiles/{name}"] == pytest.approx(count / rows)
        low, high = wilson_interval(count, rows)
        assert metrics[f"test/to_smiles/{name}_low"] == pytest.approx(low)
        assert metrics[f"test/to_smiles/{name}_high"] == pytest.approx(high)
    lines = read_csv(next((tmp_path / "test" / "predictions").glob("*.csv")))
    assert [line["abstained"] for line in lines] == ["false", "false", "false", "true"]
    assert lines[3]["prediction"] == "CCO"
    of_task = {name.removeprefix("test/to_smiles/"): value for name, value in metrics.items()}
    (line,) = [line for line in describe_evaluation("to_smiles", of_task) if "abstained" in line]
    assert "75.0 %" in line
    assert "exact match 33.3 %" in line


def test_numbers_are_not_right_or_wrong_to_the_digit(tmp_path):
    pairs = [Pair("in", "1.0", "1.1", "measure", "number"), Pair("in", "CCO", "CCO")]
    model = ScriptedModel(pairs)
    model.generation = GenerationSettings(abstain_below=0.3)
    trainer = make_trainer(tmp_path, [Confidence(), StratifiedMatch()])
    trainer.test(model, datamodule=StubData(pairs), verbose=False)
    found = {name for name in trainer.callback_metrics if name.startswith("test/measure/")}
    assert found == {f"test/measure/coverage{end}" for end in ("", "_low", "_high")}
    for file in ("calibration.csv", "abstaining.csv"):
        assert {line["task"] for line in read_csv(tmp_path / "test" / file)} == {"to_smiles"}
    strata = read_csv(tmp_path / "test" / "strata.csv")
    [line] = [line for line in strata if line["task"] == "measure"]
    assert (line["stratum"], round(float(line["mae_all"]), 6), line["exact_match"]) == (
        "input_length",
        0.1,
        "",
    )
    only = [Pair("in", "1.0", "1.1", "measure", "number")]
    alone = make_trainer(tmp_path / "alone", [Confidence()])
    alone.test(ScriptedModel(only), datamodule=StubData(only), verbose=False)
    assert not list((tmp_path / "alone").rglob("calibration.csv"))
    [words] = describe_evaluation("t", {"coverage": 0.5})
    assert words == "t, answered (the others abstained): 50.0 %"
