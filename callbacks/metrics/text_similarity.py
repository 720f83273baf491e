"""How similar the prediction is to the target, by characters."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
from rapidfuzz.distance import Levenshtein

from callbacks.metrics.row_metric import Estimate, RowMetric
from callbacks.rows.evaluation import Evaluation
from callbacks.statistics.intervals import bootstrap_interval
from datamodules.notations._unicode import compose

MAX_N = 4
BLEU_COLUMNS = (
    *(f"matches_{n}" for n in range(1, MAX_N + 1)),
    *(f"totals_{n}" for n in range(1, MAX_N + 1)),
    "prediction_length",
    "target_length",
)
"""The names of a row's counts for BLEU."""


def bleu_counts(prediction: str, target: str) -> list[int]:
    """Return one row's counts for BLEU over characters.

    Returns:
        Ten counts: for n = 1 to 4 the clipped matches of character n-grams, for n = 1 to 4 the n-grams of
        the prediction, and the lengths of prediction and target in characters.
    """
    totals = [max(0, len(prediction) - n + 1) for n in range(1, MAX_N + 1)]
    if prediction == target:
        return [*totals, *totals, len(prediction), len(target)]
    matches = []
    for n in range(1, MAX_N + 1):
        grams = Counter(prediction[i : i + n] for i in range(len(prediction) - n + 1))
        target_grams = Counter(target[i : i + n] for i in range(len(target) - n + 1))
        matches.append((grams & target_grams).total())
    return [*matches, *totals, len(prediction), len(target)]


def bleu(sums: np.ndarray) -> np.ndarray:
    """Return corpus BLEU in [0, 1], without smoothing, from sums of `bleu_counts`.

    Args:
        sums: `(r, 10)` counts summed over the rows of each of `r` corpora.

    Source: K. Papineni et al., BLEU, ACL 2002, with characters instead of words, n up to 4, uniform weights.
    """
    matches, totals = sums[:, :MAX_N], sums[:, MAX_N : 2 * MAX_N]
    predicted, expected = sums[:, -2], sums[:, -1]
    with np.errstate(divide="ignore", invalid="ignore"):
        precision = np.exp(np.log(matches / totals).mean(axis=1))
        brevity = np.where(predicted > expected, 1.0, np.exp(1 - expected / predicted))
        return np.where((matches > 0).all(axis=1), precision * brevity, 0.0)


class TextSimilarity(RowMetric):
    """BLEU over characters, normalized edit similarity and mean edit distance, with bootstrap intervals.

    `char_bleu` is BLEU of n-grams of 1 to 4 characters, not of words. It is computed over the whole corpus; it is not a mean
    over rows. `edit_distance` is the mean Levenshtein distance in characters; `edit_similarity` is the mean of
    1 - distance / length of the longer string. Tasks whose answers are choices or numbers have none of them.
    """

    columns = ("edit_similarity", "edit_distance", *BLEU_COLUMNS)
    higher_is_better = MappingProxyType({"edit_similarity": True, "edit_distance": False, "char_bleu": True})

    def score(self, evaluation: Evaluation) -> list[dict[str, float]]:
        """Return the edit distance, the similarity and the BLEU counts of each row."""
        pairs = [(compose(row.prediction), compose(row.target or "")) for row in evaluation.rows]
        are_texts = [not row.choices and row.output_notation != "number" for row in evaluation.rows]
        return [
            {
                "edit_similarity": Levenshtein.normalized_similarity(*pair),
                "edit_distance": Levenshtein.distance(*pair),
                **dict(zip(BLEU_COLUMNS, bleu_counts(*pair), strict=True)),
            }
            if is_text
            else {}
            for pair, is_text in zip(pairs, are_texts, strict=True)
        ]

    def summarize(self, table: Mapping[str, np.ndarray]) -> dict[str, Estimate]:
        """Return the two means, and BLEU from the summed counts."""
        counts = np.stack([table[name] for name in BLEU_COLUMNS], axis=1)
        counts = counts[~np.isnan(counts[:, 0])]
        if not len(counts):
            return {}
        low, high = bootstrap_interval(counts, statistic=bleu)
        means = super().summarize({name: table[name] for name in ("edit_similarity", "edit_distance")})
        return {**means, "char_bleu": Estimate(float(bleu(counts.sum(axis=0, keepdims=True))[0]), low, high)}
