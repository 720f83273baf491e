"""The outcome of each prediction: exactly one of ten, with the parser's reason if it is invalid."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from callbacks.rows.check_words import UNREAD
from callbacks.rows.structures import RowMolecules
from callbacks.statistics.intervals import wilson_interval
from datamodules.workers.opsin import AMBIGUOUS

if TYPE_CHECKING:  # it imports PyTorch, and a run's page does without
    from callbacks.rows.evaluated_row import EvaluatedRow

OUTCOMES = {
    "exact": "exact",
    "equivalent": "same molecule or value, other string",
    "ambiguous": "a name that fits several molecules of the right formula",
    "stereo": "same but for stereo",
    "skeleton": "same skeleton, other charge, salt or tautomer",
    "isomer": "right formula, other structure",
    "formula": "wrong formula",
    "different": "another answer",
    "invalid": "not well-formed",
    "unfinished": "empty or never stopped",
}
"""The outcomes, the best first, in words; `invalid` of names that OPSIN was to read is `word_outcome`'s."""

OF_KIND: Mapping[str, Mapping[str, str]] = {
    "text": OUTCOMES,
    "choices": {"exact": "exact", "different": "another choice"},
    "number": {
        "exact": "exact",
        "equivalent": "same value, other string",
        "different": "another number",
        "invalid": "not a number",
        "unfinished": OUTCOMES["unfinished"],
    },
}
"""The outcomes that the answers of each kind of task can have, in words."""

RIGHT = ("exact", "equivalent")
"""The outcomes of a right answer, one that denotes the requested molecule or value and no other."""


def find_kind(output_notation: str, has_choices: bool) -> str:
    """Return the kind of a row's task: one of `OF_KIND`.

    Examples:
        >>> find_kind("number", False), find_kind("number", True), find_kind("smiles", False)
        ('number', 'choices', 'text')
    """
    return "choices" if has_choices else "number" if output_notation == "number" else "text"


def kind_of(row: EvaluatedRow) -> str:
    """Return the kind of a row's task: one of `OF_KIND`."""
    return find_kind(row.output_notation, bool(row.choices))


def name_outcome(name: str, kind: str) -> str:
    """Return an outcome as one that answers of a kind can have: a choice is the right one or another.

    Examples:
        >>> name_outcome("equivalent", "choices"), name_outcome("equivalent", "number")
        ('different', 'equivalent')
    """
    return name if name in OF_KIND[kind] else "different"


def word_outcome(name: str, kind: str = "text", by_opsin: bool = False) -> str:
    """Return an outcome in words; a wrong class and a wrong number are called so.

    Args:
        name: The outcome.
        kind: The kind of its task: one of `OF_KIND`.
        by_opsin: Whether the answers are names that OPSIN was to read.

    Examples:
        >>> word_outcome("invalid"), word_outcome("invalid", by_opsin=True), word_outcome("invalid", "number")
        ('not well-formed', 'not read by OPSIN', 'not a number')
    """
    if name == "invalid" and by_opsin and kind == "text":
        return UNREAD
    return OF_KIND[kind].get(name) or OUTCOMES.get(name, name)


def estimate_right(metrics: Mapping[str, float]) -> dict[str, float]:
    """Return `right`, the share of right answers of a task's metrics by outcome, with its 95 % Wilson interval."""
    right, rows = sum(metrics.get(f"outcome_{name}", 0.0) for name in RIGHT), round(metrics["rows"])
    low, high = wilson_interval(round(right * rows), rows)
    return {"right": right, "right_low": low, "right_high": high}


MEANS_THE_SAME = ("canonical", "normalized", "value", "composition")
"""The notions under which an answer is right."""


class Outcome(NamedTuple):
    """What became of a prediction."""

    name: str
    """One of `OUTCOMES`."""
    reason: str | None
    """Why it is not valid, for `invalid`."""
    molecules: RowMolecules


def find_outcome(
    *,
    same: Mapping[str, bool],
    relation: Mapping[str, bool] | None,
    reason: str | None,
    unfinished: bool,
    readable: bool,
    ambiguous: bool = False,
) -> str:
    """Return a prediction's outcome: the first that holds in the order of `OUTCOMES`, with the last two after `equivalent`.

    An unfinished prediction counts as unfinished rather than as invalid or wrong: its end is missing.

    Args:
        same: Whether it is the target, by each notion of its notation.
        relation: How its molecule is related to the one that is asked for; None where that cannot be said.
        reason: Why it is not valid; None if it is.
        unfinished: Whether it is empty, or was cut at the longest allowed length.
        readable: Whether it means a molecule.
        ambiguous: Whether it is, or is compared with, a name that fits several molecules.
    """
    if same["string"]:
        return "exact"
    if any(same.get(notion) for notion in MEANS_THE_SAME) or (relation and relation["canonical"]):
        return "equivalent"
    if unfinished:
        return "unfinished"
    if reason is not None:
        return "invalid"
    if relation is None or not readable:
        return "different"
    if ambiguous and relation["formula"]:
        return "ambiguous"
    names = {"without_stereo": "stereo", "skeleton": "skeleton", "formula": "isomer"}
    return next((name for kind, name in names.items() if relation[kind]), "formula")


def find_outcomes(
    rows: Sequence[EvaluatedRow],
    sameness: Sequence[Mapping[str, bool]],
    invalid_reasons: Sequence[str | None],
    molecules: Sequence[RowMolecules],
    relations: Sequence[Mapping[str, bool] | None],
) -> list[Outcome]:
    """Return the outcome of each row from the results of its checks.

    Where names are not read as molecules, a name is exact, equivalent, `invalid` (not well-formed), unfinished or different.
    """
    found = []
    for row, same, invalid, of, relation in zip(
        rows, sameness, invalid_reasons, molecules, relations, strict=True
    ):
        reason = invalid or (of.prediction.reason if of.prediction else None)
        name = find_outcome(
            same=same,
            relation=relation,
            reason=reason,
            unfinished=not row.prediction or not row.stopped,
            readable=bool(of.prediction and of.prediction.smiles),
            ambiguous=of.warning == AMBIGUOUS,
        )
        found.append(Outcome(name, reason if name == "invalid" else None, of))
    return found
