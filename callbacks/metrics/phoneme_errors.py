"""How many phonemes of a pronunciation are wrong."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
from rapidfuzz.distance import Levenshtein

from callbacks.metrics.row_metric import Estimate, RowMetric
from callbacks.rows.evaluation import Evaluation
from callbacks.statistics.intervals import bootstrap_interval
from datamodules.notations.phonemes import drop_stress


def count_errors(prediction: str, target: str) -> int:
    """Return the fewest phoneme substitutions, insertions and deletions that turn one pronunciation into the other."""
    return Levenshtein.distance(prediction.split(), target.split())


class PhonemeErrors(RowMetric):
    """Phoneme error rate of phoneme outputs, with a bootstrap interval over words; other outputs are left out.

    `phoneme_error_rate` is the sum of errors over the sum of phonemes in the targets, as speech research counts it (not
    a mean over words); `phoneme_error_rate_without_stress` ignores the stress digits, as published figures for CMUdict do.
    """

    columns = ("phonemes", "errors", "errors_without_stress")
    higher_is_better = MappingProxyType(
        {"phoneme_error_rate": False, "phoneme_error_rate_without_stress": False}
    )

    def score(self, evaluation: Evaluation) -> list[dict[str, float]]:
        """Return the phonemes of each target, and the errors with and without stress."""
        return [
            {
                "phonemes": len((row.target or "").split()),
                "errors": count_errors(row.prediction, row.target or ""),
                "errors_without_stress": count_errors(
                    drop_stress(row.prediction), drop_stress(row.target or "")
                ),
            }
            if row.output_notation == "phonemes"
            else {}
            for row in evaluation.rows
        ]

    def summarize(self, table: Mapping[str, np.ndarray]) -> dict[str, Estimate]:
        """Return both rates from the summed counts."""
        has_phonemes = table["phonemes"] > 0
        if not has_phonemes.any():
            return {}
        rates = {}
        for suffix in ("", "_without_stress"):
            counts = np.stack([table[f"errors{suffix}"], table["phonemes"]], axis=1)[has_phonemes]
            low, high = bootstrap_interval(counts, statistic=lambda sums: sums[:, 0] / sums[:, 1])
            errors, phonemes = counts.sum(axis=0)
            rates[f"phoneme_error_rate{suffix}"] = Estimate(float(errors / phonemes), low, high)
        return rates
