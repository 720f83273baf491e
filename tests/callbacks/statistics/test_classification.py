"""Values against torchmetrics, intervals against repeated draws of the data."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torchmetrics.functional import classification as reference

from callbacks.statistics.classification import (
    balanced_accuracy,
    calibration_error,
    calibration_table,
    confusion_table,
    macro_f1,
    rank_classes,
)


def draw(n: int, k: int, seed: int = 0, digits: int = 2) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    targets = rng.integers(k, size=n)
    logits = rng.normal(size=(n, k)) + 1.2 * np.eye(k)[targets]
    chances = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    rounded = np.round(chances, digits)  # ties
    return rounded / rounded.sum(axis=1, keepdims=True), targets


@pytest.mark.parametrize("seed", range(3))
def test_ranking_of_two_classes_is_that_of_torchmetrics(seed: int) -> None:
    chances, targets = draw(200, 2, seed)
    found = rank_classes(chances, targets)
    scores, labels = torch.tensor(chances[:, 1]), torch.tensor(targets)
    assert found["auroc"][0] == pytest.approx(float(reference.binary_auroc(scores, labels)), abs=1e-6)
    expected = float(reference.binary_average_precision(scores, labels))
    assert found["average_precision"][0] == pytest.approx(expected, abs=1e-6)
    for value, low, high in found.values():
        assert low < value < high


def test_ranking_of_several_classes_is_that_of_torchmetrics() -> None:
    chances, targets = draw(300, 4)
    found, tensors = rank_classes(chances, targets), (torch.tensor(chances), torch.tensor(targets))
    assert found["auroc"][0] == pytest.approx(float(reference.multiclass_auroc(*tensors, 4)), abs=1e-6)
    expected = float(reference.multiclass_average_precision(*tensors, 4))
    assert found["average_precision"][0] == pytest.approx(expected, abs=1e-6)


def test_where_one_class_occurs_nothing_is_ranked() -> None:
    assert rank_classes(np.array([[0.2, 0.8]] * 5), np.ones(5, dtype=int)) == {"auroc": (0.5, 0.0, 1.0)}


def test_the_interval_of_the_area_covers_the_true_one() -> None:
    rng, hits = np.random.default_rng(1), 0
    for _ in range(60):
        targets = rng.integers(2, size=150)
        score = 1 / (1 + np.exp(-(rng.normal(size=150) + targets)))
        _, low, high = rank_classes(np.stack([1 - score, score], axis=1), targets)["auroc"]
        hits += low <= 0.7602 <= high  # the normal distribution function at 1 / sqrt(2)
    assert hits >= 51


def test_confusion_statistics_are_those_of_torchmetrics() -> None:
    chances, targets = draw(200, 3)
    predictions = chances.argmax(axis=1)
    confusion = confusion_table(predictions, targets, 3).sum(axis=0).reshape(1, 3, 3)
    tensors = torch.tensor(predictions), torch.tensor(targets)
    assert (confusion[0] == reference.multiclass_confusion_matrix(*tensors, 3).numpy()).all()
    expected = float(reference.multiclass_accuracy(*tensors, 3, average="macro"))
    assert balanced_accuracy(confusion)[0] == pytest.approx(expected)
    assert macro_f1(confusion)[0] == pytest.approx(
        float(reference.multiclass_f1_score(*tensors, 3, average="macro"))
    )


def test_a_class_that_does_not_occur_has_no_recall_to_count() -> None:
    confusion = confusion_table(np.array([0, 0, 1]), np.array([0, 0, 0]), 2).sum(axis=0).reshape(1, 2, 2)
    assert balanced_accuracy(confusion)[0] == pytest.approx(2 / 3)


def test_calibration_error_of_two_classes_is_that_of_torchmetrics() -> None:
    chances, targets = draw(400, 2, digits=3)
    # Our bins divide the range from 1/2 to 1; so do theirs of the doubled width.
    sums = calibration_table(chances, targets).sum(axis=0)[None]
    confidence = torch.tensor(chances)
    expected = float(reference.multiclass_calibration_error(confidence, torch.tensor(targets), 2, n_bins=20))
    assert calibration_error(sums)[0] == pytest.approx(expected, abs=5e-3)
