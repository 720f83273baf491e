"""How many components of a mixture, such as the reactants of a reaction, are right."""

from __future__ import annotations

from collections import Counter
from types import MappingProxyType

from callbacks.metrics.row_metric import RowMetric
from callbacks.rows.evaluation import Evaluation


class ComponentMatch(RowMetric):
    """Of SMILES with several components: the F1 score of components, each compared by its canonical SMILES, as multisets.

    `component_f1` is 1 where all components are right in any order, which `exact_match_canonical` counts, and 0 where none is.
    Rows whose target has one component have no score.
    """

    columns = ("component_f1",)
    higher_is_better = MappingProxyType({"component_f1": True})

    def score(self, evaluation: Evaluation) -> list[dict[str, float]]:
        """Return each row's score; an answer that no parser reads has 0."""
        rows = [
            row for row in evaluation.rows if row.output_notation == "smiles" and "." in (row.target or "")
        ]
        texts = [text for row in rows for text in (row.target or "", row.prediction)]
        read = iter(evaluation.calls.call("smiles", "normalize", [(text,) for text in texts]))
        scores = {
            row.index: _f1(*(Counter(str(next(read).value or "").split(".")) for _ in range(2)))
            for row in rows
        }
        return [{"component_f1": scores[row.index]} if row.index in scores else {} for row in evaluation.rows]


def _f1(target: Counter[str], answer: Counter[str]) -> float:
    common = (target & answer).total() - min(target[""], answer[""])
    return 2 * common / (target.total() + answer.total())
