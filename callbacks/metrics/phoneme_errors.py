"""How many phonemes of a pronunciation are wrong."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
from rapidfuzz.distance import Levenshtein

from callbacks.metrics.row_metric import Estimate, RowMetric
from callbacks.rows.evaluation import Evaluation
from callbacks.statistics.intervals import bootstrap_interval
from datamodules.notations import ipa, phonemes

_SPOKEN: dict[str, Any] = {"phonemes": phonemes, "ipa": ipa}
"""The notations of pronunciations, by name."""


def count_errors(prediction: str, target: str, notation: str = "phonemes") -> tuple[int, int]:
    """Return the fewest phoneme substitutions, insertions and deletions between two pronunciations, and the target's phonemes.

    Examples:
        >>> count_errors("HH AH0 L", "HH AH0 L OW1"), count_errors("həlo", "həloʊ", "ipa")
        ((1, 4), (1, 5))
    """
    split = _SPOKEN[notation].split_phonemes
    expected = split(target)
    return Levenshtein.distance(split(prediction, target), expected), len(expected)


def _count(prediction: str, target: str, notation: str) -> dict[str, float]:
    """Return a target's phonemes and a prediction's errors, with the marks of stress and without."""
    drop_stress = _SPOKEN[notation].drop_stress
    errors, length = count_errors(prediction, target, notation)
    plain, plain_length = count_errors(drop_stress(prediction), drop_stress(target), notation)
    return {
        "phonemes": length,
        "errors": errors,
        "phonemes_without_stress": plain_length,
        "errors_without_stress": plain,
    }


class PhonemeErrors(RowMetric):
    """Phoneme error rate of outputs in ARPAbet or IPA, with a bootstrap interval over words; other outputs are left out.

    `phoneme_error_rate` is the sum of errors over the sum of phonemes in the targets, as speech research counts it (not
    a mean over words); `phoneme_error_rate_without_stress` ignores the marks of stress, as published figures for CMUdict do.
    """

    columns = ("phonemes", "errors", "phonemes_without_stress", "errors_without_stress")
    higher_is_better = MappingProxyType(
        {"phoneme_error_rate": False, "phoneme_error_rate_without_stress": False}
    )

    def score(self, evaluation: Evaluation) -> list[dict[str, float]]:
        """Return the phonemes of each target, and the errors with and without stress."""
        return [
            _count(row.prediction, row.target or "", row.output_notation)
            if row.output_notation in _SPOKEN
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
            counts = np.stack([table[f"errors{suffix}"], table[f"phonemes{suffix}"]], axis=1)[has_phonemes]
            low, high = bootstrap_interval(counts, statistic=lambda sums: sums[:, 0] / sums[:, 1])
            errors, phonemes = counts.sum(axis=0)
            rates[f"phoneme_error_rate{suffix}"] = Estimate(float(errors / phonemes), low, high)
        return rates
