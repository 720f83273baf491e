from __future__ import annotations

import numpy as np
import pytest
import torch
from torchmetrics.functional.classification import binary_calibration_error

from callbacks.statistics.calibration import (
    COVERAGES,
    area_under_risk,
    calibration_error,
    reliability,
    risk_curve,
    selective_accuracy,
)


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
