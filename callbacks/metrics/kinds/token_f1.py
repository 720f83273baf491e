"""How many words an answer shares with the right one."""

from __future__ import annotations

from types import MappingProxyType

from callbacks.metrics.row_metric import RowMetric
from callbacks.rows.evaluation import Evaluation
from datamodules.notations.answer import token_f1


class TokenF1(RowMetric):
    """SQuAD's F1 score of words, `token_f1`, with bootstrap intervals: of tasks whose output is an `answer` only.

    Of several right answers the best one counts.
    """

    columns = ("token_f1",)
    higher_is_better = MappingProxyType({"token_f1": True})
    headline = "token_f1"

    def score(self, evaluation: Evaluation) -> list[dict[str, float]]:
        """Return each row's score."""
        return [
            {"token_f1": max(token_f1(row.prediction, target) for target in row.targets)}
            if row.output_notation == "answer" and row.target is not None
            else {}
            for row in evaluation.rows
        ]
