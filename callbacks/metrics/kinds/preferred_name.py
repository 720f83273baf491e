"""Whether a predicted name is the one that the rules of names prefer, as far as its text tells."""

from __future__ import annotations

from types import MappingProxyType

from lightning.pytorch import Trainer

from callbacks.metrics.row_metric import DetailedMetric
from callbacks.rows.evaluated_row import EvaluatedRow
from callbacks.rows.evaluation import Evaluation
from datamodules.notations.naming.preferred import is_preferred


def is_preferred_answer(row: EvaluatedRow, is_read: bool, is_right: bool) -> bool:
    """Say whether an answered name is read, in alphabetical order, and no known name of its molecule has lower locants.

    The names of its molecule that are at hand are the references, if it means the molecule that was asked for.

    Args:
        row: The row with its answer.
        is_read: Whether OPSIN reads the name as any molecule.
        is_right: Whether it means the molecule that was asked for.
    """
    return is_read and is_preferred(row.prediction, row.targets if is_right else ())


class PreferredName(DetailedMetric):
    """Share of predicted IUPAC names that the rules of names prefer, with 95 % Wilson intervals: `preferred_name`.

    A name counts if OPSIN reads it as a molecule, its substituent prefixes are in alphabetical order at any depth of brackets,
    and, where it means the molecule of the row (canonical SMILES), no reference has lower locants at the first point of
    difference. It is measured where `RoundTrip` is: it needs Java and the extra `opsin`, and is left out without them.

    Args:
        each_epoch: Whether `fit` also measures after each epoch.
    """

    columns = ("preferred_name",)
    higher_is_better = MappingProxyType({"preferred_name": True})
    interval = "wilson"

    def wants_names(self, trainer: Trainer) -> bool:
        """Return whether this evaluation is measured."""
        return self.is_on(trainer)

    def score(self, evaluation: Evaluation) -> list[dict[str, float]]:
        """Return 0 or 1 for each name; empty for rows that are not names or cannot be compared."""
        if not evaluation.reads_names:
            return [{} for _ in evaluation.rows]
        checked = zip(evaluation.rows, evaluation.molecules, evaluation.relations, strict=True)
        return [
            {
                "preferred_name": float(
                    is_preferred_answer(
                        row,
                        is_read=bool(molecules.prediction and molecules.prediction.smiles),
                        is_right=relation["canonical"],
                    )
                )
            }
            if relation is not None and row.output_notation == "iupac"
            else {}
            for row, molecules, relation in checked
        ]
