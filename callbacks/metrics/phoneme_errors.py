"""How many phonemes of a pronunciation are wrong."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from rapidfuzz.distance import Levenshtein

from callbacks.metrics.row_metric import Estimate, RowMetric
from callbacks.rows.evaluated_row import EvaluatedRow
from callbacks.statistics.intervals import bootstrap_interval
from datamodules.notations import ipa, phonemes

_SPOKEN: dict[str, Any] = {"phonemes": phonemes, "ipa": ipa}
"""The notations of pronunciations, by name."""


def count_errors(prediction: str, target: str, notation: str = "phonemes") -> tuple[int, int]:
    """Return the fewest phonemes to substitute, insert or remove that turn one pronunciation into the other, and the target's.

    >>> count_errors("HH AH0 L", "HH AH0 L OW1"), count_errors("həlo", "həloʊ", "ipa")
    ((1, 4), (1, 5))
    """
    split = _SPOKEN[notation].split_phonemes
    expected = split(target)
    return Levenshtein.distance(split(prediction, target), expected), len(expected)


def _count(prediction: str, target: str, notation: str) -> dict[str, float]:
    """Return the phonemes of a target and the errors of a prediction, with the marks of stress and without."""
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
    """Phoneme error rate of outputs in ARPAbet or IPA, with a bootstrap interval over words; nothing for other outputs.

    `phoneme_error_rate` is the sum of errors over the sum of phonemes in the targets, as speech research counts it (not
    a mean over words); `phoneme_error_rate_without_stress` leaves the marks of stress out, as published figures for CMUdict do.
    """

    columns = ("phonemes", "errors", "phonemes_without_stress", "errors_without_stress")

    def score(self, rows: list[EvaluatedRow]) -> list[dict[str, float]]:
        """Return the phonemes of each target, and the errors with and without stress."""
        return [
            _count(row.prediction, row.target or "", row.output_notation)
            if row.output_notation in _SPOKEN
            else {}
            for row in rows
        ]

    def summarize(self, table: Mapping[str, np.ndarray]) -> dict[str, Estimate]:
        """Return both rates from the summed counts."""
        spoken = table["phonemes"] > 0
        if not spoken.any():
            return {}
        rates = {}
        for suffix in ("", "_without_stress"):
            counts = np.stack([table[f"errors{suffix}"], table[f"phonemes{suffix}"]], axis=1)[spoken]
            low, high = bootstrap_interval(counts, statistic=lambda sums: sums[:, 0] / sums[:, 1])
            errors, phonemes = counts.sum(axis=0)
            rates[f"phoneme_error_rate{suffix}"] = Estimate(float(errors / phonemes), low, high)
        return rates
