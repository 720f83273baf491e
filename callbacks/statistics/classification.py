"""Statistics of answers that are one of some classes: ranking, confusion, probabilities; with bootstrap intervals.

Letters in shapes: n rows, k classes, r resamples of the rows. torchmetrics has the same values without intervals; tests compare.
"""

from __future__ import annotations

import numpy as np

from callbacks.statistics.intervals import resample_rows

BINS = 10
"""Bins of the calibration error, as in C. Guo et al., arXiv 1706.04599, with the range from 1 / k to 1 in equal parts."""


def _ranked(scores: np.ndarray, positive: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the order of the rows by falling score, their labels in it, and the places where a run of equal scores ends."""
    order = np.argsort(-scores, kind="stable")
    ends = np.flatnonzero(np.append(np.diff(scores[order]) != 0, True))
    return order, positive[order].astype(np.float64), ends


def _curves(scores: np.ndarray, positive: np.ndarray, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return areas under the ROC curve and average precisions, `(r,)`, of resamples that hold each row `counts` `(r, n)` times.

    Both are nan where a resample lacks a positive or a negative row.
    """
    order, labels, ends = _ranked(scores, positive)
    drawn = counts[:, order]
    hits = np.cumsum(drawn * labels, axis=1)[:, ends]
    misses = np.cumsum(drawn * (1 - labels), axis=1)[:, ends]
    more_hits = np.diff(hits, axis=1, prepend=0)
    more_misses = np.diff(misses, axis=1, prepend=0)
    positives, negatives = hits[:, -1], misses[:, -1]
    with np.errstate(invalid="ignore", divide="ignore"):
        # A tie counts half: the mean of the hits before and after it.
        auroc = ((hits - more_hits / 2) * more_misses).sum(axis=1) / (positives * negatives)
        precision = np.where(hits + misses > 0, hits / (hits + misses), 0.0)
        average = (precision * more_hits).sum(axis=1) / positives
    average[negatives == 0] = np.nan
    return auroc, average


def rank_classes(probabilities: np.ndarray, targets: np.ndarray) -> dict[str, tuple[float, float, float]]:
    """Return `auroc` and `average_precision` with their 95 % bootstrap intervals.

    Of two classes the second is the positive one; of more, the values are means over the classes, one against the rest, that
    occur and are not the only one. Where only one class occurs nothing can be ranked: `auroc` is 0.5 with the interval (0, 1),
    and there is no average precision.

    Args:
        probabilities: `(n, k)`, n > 0.
        targets: `(n,)` the number of each row's class.

    Source: J. A. Hanley, B. J. McNeil, Radiology 143 (1982) 29-36, for the area and its ties; T. Fawcett, Pattern Recognit.
    Lett. 27 (2006) 861-874.

    Examples:
        >>> found = rank_classes(np.array([[0.9, 0.1], [0.6, 0.4], [0.3, 0.7], [0.6, 0.4]]), np.array([0, 0, 1, 1]))
        >>> found["auroc"][0]
        0.875
    """
    usable = _usable(probabilities, targets)
    if not usable:
        return {"auroc": (0.5, 0.0, 1.0)}
    n = len(targets)
    values = _mean_areas(probabilities, targets, usable, np.ones((1, n)))[:, 0]
    drawn = np.concatenate(
        [_mean_areas(probabilities, targets, usable, counts) for counts in resample_rows(n)], axis=1
    )
    low, high = np.nanpercentile(drawn, [2.5, 97.5], axis=1)
    names = ("auroc", "average_precision")
    return {
        name: (float(a), float(b), float(c)) for name, a, b, c in zip(names, values, low, high, strict=True)
    }


def area_under_roc(probabilities: np.ndarray, targets: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Return areas under the ROC curve, `(r,)`, as in `rank_classes`, of resamples that hold each row `counts` `(r, n)` times.

    Examples:
        >>> area_under_roc(np.array([[0.9, 0.1], [0.3, 0.7], [0.6, 0.4]]), np.array([0, 1, 1]), np.array([[1, 1, 1], [0, 1, 1]]))
        array([ 1., nan])
    """
    usable = _usable(probabilities, targets)
    if not usable:
        return np.full(len(counts), 0.5)
    return np.asarray(_mean_areas(probabilities, targets, usable, counts)[0])


def _usable(probabilities: np.ndarray, targets: np.ndarray) -> list[int]:
    """Return the classes that can be ranked against the rest."""
    n, k = probabilities.shape
    return [one for one in ([1] if k == 2 else range(k)) if 0 < (targets == one).sum() < n]


def _mean_areas(
    probabilities: np.ndarray, targets: np.ndarray, usable: list[int], counts: np.ndarray
) -> np.ndarray:
    """Return `(2, r)` areas and average precisions of resamples, each the mean over the classes that can be ranked."""
    areas = [_curves(probabilities[:, one], targets == one, counts) for one in usable]
    # A resample may lack a class.
    with np.errstate(invalid="ignore"):
        present = [
            np.ma.masked_invalid(np.array(kind)).mean(axis=0).filled(np.nan)
            for kind in zip(*areas, strict=True)
        ]
    return np.array(present)


def balanced_accuracy(confusion: np.ndarray) -> np.ndarray:
    """Return the mean recall of the classes that occur, `(r,)`, of confusion matrices `(r, k, k)`: true class, then predicted.

    Source: K. H. Brodersen et al., ICPR 2010, 3121-3124.
    """
    totals = confusion.sum(axis=2)
    right = np.diagonal(confusion, axis1=1, axis2=2)
    recall = np.divide(right, totals, out=np.zeros_like(totals), where=totals > 0)
    return np.asarray(recall.sum(axis=1) / np.maximum((totals > 0).sum(axis=1), 1))


def macro_f1(confusion: np.ndarray) -> np.ndarray:
    """Return the mean F1 score, `(r,)`, over the classes that occur or are predicted, of confusion matrices `(r, k, k)`."""
    right = np.diagonal(confusion, axis1=1, axis2=2)
    both = confusion.sum(axis=1) + confusion.sum(axis=2)
    score = np.divide(2 * right, both, out=np.zeros_like(both), where=both > 0)
    return np.asarray(score.sum(axis=1) / np.maximum((both > 0).sum(axis=1), 1))


def calibration_error(sums: np.ndarray) -> np.ndarray:
    """Return the expected calibration error, `(r,)`, of sums over rows `(r, 3 * BINS)`: rows, right ones, confidences by bin."""
    rows, right, confidence = np.split(sums, 3, axis=1)
    return np.asarray(np.abs(right - confidence).sum(axis=1) / rows.sum(axis=1))


def calibration_table(probabilities: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Return each row's part `(n, 3 * BINS)` of the sums that `calibration_error` takes, by the most probable class."""
    n, k = probabilities.shape
    best = probabilities.argmax(axis=1)
    confidence = probabilities[np.arange(n), best]
    bins = np.clip(((confidence - 1 / k) / (1 - 1 / k) * BINS).astype(int), 0, BINS - 1)
    one_hot = np.eye(BINS)[bins]
    return np.concatenate(
        [one_hot, one_hot * (best == targets)[:, None], one_hot * confidence[:, None]], axis=1
    )


def confusion_table(predictions: np.ndarray, targets: np.ndarray, k: int) -> np.ndarray:
    """Return each row's part `(n, k * k)` of the confusion matrix: true class, then predicted."""
    return np.eye(k * k)[targets * k + predictions]
