"""How similar the predicted molecule is to the target, by fingerprints."""

from __future__ import annotations

from types import MappingProxyType

from callbacks.metrics.row_metric import RowMetric
from callbacks.rows.evaluation import Evaluation
from datamodules.notations.molecules.structure import FINGERPRINTS


class FingerprintSimilarity(RowMetric):
    """Mean Tanimoto similarity of prediction and target, for tasks that write molecules.

    `morgan`, `maccs` and `rdk` are means over all rows; an invalid prediction counts as 0.
    `morgan_valid` and so on are means over the rows with a valid prediction; read them together with the
    validity. All have bootstrap intervals. Tasks whose output notation has no `similarity` are left out.
    """

    asks = ("invalid_reason", "similarity")
    columns = (*FINGERPRINTS, *(f"{name}_valid" for name in FINGERPRINTS))
    higher_is_better = MappingProxyType(dict.fromkeys(columns, True))

    def score(self, evaluation: Evaluation) -> list[dict[str, float]]:
        """Return the similarities of each row; empty if its notation has none."""
        scores = []
        for similarity, reason in zip(evaluation.similarities, evaluation.invalid_reasons, strict=True):
            of_row = dict(similarity or {})
            if reason is None:
                of_row |= {f"{name}_valid": value for name, value in of_row.items()}
            scores.append(of_row)
        return scores
