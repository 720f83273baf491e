from __future__ import annotations

import csv
import math

import numpy as np
import pytest
import torch
from torchmetrics.functional.classification import binary_calibration_error

from callbacks.metrics.confidence import Confidence
from callbacks.reports.prediction_table import PredictionTable
from callbacks.reports.run_summary import describe_evaluation
from callbacks.statistics.calibration import (
    COVERAGES,
    area_under_risk,
    calibration_error,
    reliability,
    risk_curve,
    selective_accuracy,
)
from callbacks.statistics.intervals import wilson_interval
from datamodules.storage.safe_csv import read_csv
from lightning_modules.generation.generate import GenerationSettings
from tests.helpers.callback_stubs import Pair, ScriptedModel, StubData, make_trainer


def sample(n=500, seed=0):
    rng = np.random.default_rng(seed)
    confidence = rng.random(n)
    return confidence, rng.random(n) < confidence**2


def test_the_calibration_error_is_that_of_torchmetrics():
    confidence, right = sample()
    error, low, high = calibration_error(confidence, right)
    expected = binary_calibration_error(
        torch.tensor(confidence), torch.tensor(right).long(), n_bins=15, norm="l1"
    )
    assert error == pytest.approx(float(expected), abs=1e-6)
    assert low < high
    assert calibration_error(np.ones(4), np.ones(4, dtype=bool)) == (0.0, 0.0, 0.0)
    assert calibration_error(np.ones(4), np.zeros(4, dtype=bool))[0] == 1.0


def test_reliability_counts_each_row_in_its_bin():
    confidence, right = sample()
    lines = reliability(confidence, right)
    assert sum(line["rows"] for line in lines) == 500
    for line in lines:
        inside = (confidence >= line["from"]) & (confidence < line["to"])
        assert line["rows"] == inside.sum()
        assert line["right"] == pytest.approx(right[inside].mean())
        assert line["from"] <= line["confidence"] <= line["to"]
        assert line["low"] < line["right"] < line["high"] or line["right"] in (0, 1)


def test_the_risk_at_each_threshold_is_counted_anew():
    confidence, right = sample(200)
    confidence = confidence.round(1)  # many ties
    thresholds, coverage, risk = risk_curve(confidence, right)
    assert len(thresholds) == len(set(confidence.tolist()))
    for threshold, covered, wrong in zip(thresholds, coverage, risk, strict=True):
        answered = confidence >= threshold
        assert covered == pytest.approx(answered.mean())
        assert wrong == pytest.approx(1 - right[answered].mean())


def test_the_area_tells_a_model_that_knows_from_one_that_does_not():
    right = np.arange(100) < 50
    knows = area_under_risk(np.linspace(1, 0, 100), right)
    does_not = area_under_risk(np.linspace(0, 1, 100), right)
    assert area_under_risk(np.full(100, 0.5), right) == pytest.approx(0.5)
    assert knows == pytest.approx(np.mean([max(0, k - 50) / k for k in range(1, 101)]))
    assert does_not > 0.8


def test_a_threshold_answers_as_many_rows_as_it_promises():
    confidence, right = sample(300)
    lines = selective_accuracy(confidence, right)
    assert [line["coverage"] for line in lines] == list(COVERAGES)
    for line in lines:
        answered = confidence >= line["threshold"]
        assert line["rows"] == answered.sum() >= line["coverage"] * 300 - 1e-9
        assert line["right"] == pytest.approx(right[answered].mean())
    assert lines[-1]["rows"] == 300


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
