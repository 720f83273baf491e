"""How often the model writes the right answer, by each notion of "right"."""

from __future__ import annotations

from functools import cached_property

from callbacks.metrics.row_metric import RowMetric
from callbacks.rows.evaluation import Evaluation
from callbacks.rows.notation_calls import notions
from datamodules.notations.lookup import NOTATIONS


def column_of(notion: str) -> str:
    """Return the metric name of a notion of "same": `exact_match` for `string`."""
    return "exact_match" if notion == "string" else f"exact_match_{notion}"


class ExactMatch(RowMetric):
    """Share of rows whose prediction is the target, with 95 % Wilson intervals.

    `exact_match`, the headline, is string equality of the target and the prediction without white space at
    its ends. Molecules are also compared by `exact_match_canonical` (same canonical SMILES),
    `exact_match_inchikey` (same InChIKey: tautomers may count as equal) and `exact_match_connectivity`
    (first block of the InChIKey: stereo and isotopes do not count). A prediction that is invalid, or
    cannot be compared in time, is wrong.
    """

    asks = ("same",)
    interval = "wilson"
    headline = "exact_match"

    @cached_property
    def columns(self) -> tuple[str, ...]:  # type: ignore[override]
        """The notions of all notations, so that ranks agree whichever tasks their rows belong to."""
        return tuple(dict.fromkeys(column_of(notion) for name in NOTATIONS for notion in notions(name)))

    @cached_property
    def higher_is_better(self) -> dict[str, bool | None]:  # type: ignore[override]
        """Higher is better for every notion."""
        return dict.fromkeys(self.columns, True)

    def score(self, evaluation: Evaluation) -> list[dict[str, float]]:
        """Return 0 or 1 for each notion of the row's output notation."""
        return [
            {column_of(notion): float(equal) for notion, equal in verdicts.items()}
            for verdicts in evaluation.sameness
        ]
