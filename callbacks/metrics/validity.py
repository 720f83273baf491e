"""How often the model writes something well-formed, right or wrong."""

from __future__ import annotations

from types import MappingProxyType

from callbacks.metrics.row_metric import RowMetric
from callbacks.rows.evaluation import Evaluation


class Validity(RowMetric):
    """Share of rows whose prediction is valid in the task's output notation, with 95 % Wilson intervals.

    What valid means is the notation's `invalid_reason`: a SMILES must be parsed by RDKit into at least one
    atom, a text must not be empty. A prediction that cannot be judged in time is not valid.
    """

    asks = ("invalid_reason",)
    columns = ("validity",)
    higher_is_better = MappingProxyType({"validity": True})
    interval = "wilson"
    headline = "validity"

    def score(self, evaluation: Evaluation) -> list[dict[str, float]]:
        """Return 0 or 1 for each row."""
        return [{"validity": float(reason is None)} for reason in evaluation.invalid_reasons]
