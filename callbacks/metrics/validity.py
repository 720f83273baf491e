"""How often the prediction is well-formed, right or wrong."""

from __future__ import annotations

from types import MappingProxyType

from callbacks.metrics.row_metric import RowMetric
from callbacks.rows.evaluation import Evaluation


class Validity(RowMetric):
    """Share of rows whose prediction is valid in the task's output notation, with 95 % Wilson intervals.

    The notation's `invalid_reason` defines validity: RDKit must parse a SMILES into at least one atom, and a
    text must not be empty. A prediction that cannot be checked in time is invalid.
    """

    asks = ("invalid_reason",)
    columns = ("validity",)
    higher_is_better = MappingProxyType({"validity": True})
    interval = "wilson"
    headline = "validity"

    def score(self, evaluation: Evaluation) -> list[dict[str, float]]:
        """Return 0 or 1 for each row."""
        return [{"validity": float(reason is None)} for reason in evaluation.invalid_reasons]
