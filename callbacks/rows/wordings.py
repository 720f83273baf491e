"""Whether an answer is another wording of its input: another string, and by an exact check of the same meaning."""

from __future__ import annotations

from collections import defaultdict
from typing import NamedTuple

from callbacks.rows.evaluated_row import EvaluatedRow
from callbacks.rows.evaluation import Evaluation
from callbacks.rows.notation_calls import NotationCalls
from callbacks.rows.structures import Structure, limit_relation, read_structures
from datamodules.rows.row import Row

_EXACT = ("inchikey", "canonical")
"""Notions of "same" that tell whether the meaning is kept, the first that a notation has; names are read by OPSIN."""


class Wording(NamedTuple):
    """How an answer is related to its input, which is in the same notation."""

    other: bool
    """Whether it is another string; of names also beyond lower-casing and blanks."""
    kept: bool | None
    """Whether it means the same: molecules by InChIKey, names by the molecule that OPSIN reads; None if nothing tells."""

    @property
    def counts(self) -> bool:
        """Whether it is another wording, as far as anything tells."""
        return self.other and self.kept is not False


def has_wordings(row: Row) -> bool:
    """Return whether a row's answer is text in the notation of its input.

    Examples:
        >>> has_wordings(Row(0, "t", "CCO", "OCC", "smiles", "smiles")), has_wordings(Row(0, "t", "CCO", "1", "smiles", "number"))
        (True, False)
    """
    return row.input_notation == row.output_notation != "number" and not row.choices


def source_text(row: Row) -> str:
    """Return the input as the prompt has it."""
    return row.meant if row.asked is None else row.asked


def compare_wordings(evaluation: Evaluation) -> list[Wording | None]:
    """Return how each row's prediction is related to its input; None for rows that can have no other wording."""
    places: dict[str, list[int]] = defaultdict(list)
    for place, row in enumerate(evaluation.rows):
        if has_wordings(row):
            places[row.output_notation].append(place)
    found: list[Wording | None] = [None] * len(evaluation.rows)
    for notation, members in places.items():
        rows = [evaluation.rows[place] for place in members]
        compared = _compare(evaluation.calls, notation, rows, evaluation.reads_names)
        for place, wording in zip(members, compared, strict=True):
            found[place] = wording
    return found


def _compare(
    calls: NotationCalls, notation: str, rows: list[EvaluatedRow], reads_names: bool
) -> list[Wording]:
    """Return the wordings of rows of one notation."""
    pairs = [(row.prediction, source_text(row)) for row in rows]
    same = calls.same(notation, pairs)
    if notation == "iupac":
        kept = _name_one_molecule(calls, pairs) if reads_names else [None] * len(pairs)
        others = [not (one["string"] or one["normalized"]) for one in same]
        return [Wording(*both) for both in zip(others, kept, strict=True)]
    exact = next((notion for notion in _EXACT if same and notion in same[0]), None)
    return [Wording(not one["string"], one[exact] if exact else None) for one in same]


def _name_one_molecule(calls: NotationCalls, pairs: list[tuple[str, str]]) -> list[bool | None]:
    """Return whether two names stand for exactly one molecule by OPSIN; None where it does not read the second one."""
    answered, asked = (
        read_structures(calls, "iupac", [pair[side] for pair in pairs], with_names=True) for side in (0, 1)
    )
    known = [place for place, one in enumerate(asked) if one and one.smiles]
    relations = calls.call(
        "smiles", "relate", [(_smiles(answered[place]), _smiles(asked[place])) for place in known]
    )
    kept: list[bool | None] = [None] * len(pairs)
    for place, relation in zip(known, relations, strict=True):
        holds = relation.value or {}
        for one in (answered[place], asked[place]):
            holds = limit_relation(holds, one.warning if one else None)
        kept[place] = bool(holds.get("canonical"))
    return kept


def _smiles(molecule: Structure | None) -> str:
    return (molecule.smiles if molecule else None) or ""
