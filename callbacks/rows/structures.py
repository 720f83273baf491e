"""Which molecule a row asks for, which one the answer means, and how the two are related."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from callbacks.rows.notation_calls import NotationCalls
from datamodules.workers.opsin import AMBIGUOUS

if TYPE_CHECKING:  # it imports PyTorch, and a run's page does without
    from callbacks.rows.evaluated_row import EvaluatedRow

_TO_SMILES = {"smiles": "normalize", "selfies": "to_smiles"}


class Structure(NamedTuple):
    """The molecule that a text means."""

    smiles: str | None
    """Canonical SMILES, or None if the text means no molecule."""
    reason: str | None
    """Why it means none, in a few words that can be counted."""
    warning: str | None = None
    """Why the name also fits other molecules (see `opsin.Reading`); None if it does not."""


class RowMolecules(NamedTuple):
    """A row's two molecules."""

    prediction: Structure | None
    """None if the output notation holds no molecules, or holds names and names are not read."""
    reference: str | None
    """Canonical SMILES of the molecule that is asked for: the input where it is a structure, else the target; None where
    neither can be read."""
    warning: str | None = None
    """Why a name, the answer's or the reference's, also fits other molecules; None if neither does."""


def holds_structures(notation: str) -> bool:
    """Return whether a notation's texts are molecules by themselves (a name is one only through a parser)."""
    return notation in _TO_SMILES


def read_structures(
    calls: NotationCalls, notation: str, texts: Sequence[str], with_names: bool
) -> list[Structure | None]:
    """Return the molecule that each text means; None where a notation holds none.

    Args:
        calls: The calls to notations.
        notation: The notation of all texts.
        texts: Any texts, such as predictions: they are read in processes that can be killed.
        with_names: Whether IUPAC names are read, by OPSIN.
    """
    if notation in _TO_SMILES:
        results = calls.call(notation, _TO_SMILES[notation], [(text,) for text in texts])
        return [_structure(result.value, result.error) for result in results]
    if notation != "iupac" or not with_names:
        return [None] * len(texts)
    readings = calls.read_names(texts)
    known = iter(read_structures(calls, "smiles", [r.smiles for r in readings if r.smiles], with_names))
    found: list[Structure | None] = []
    for reading in readings:
        molecule = next(known) if reading.smiles else Structure(None, reading.reason)
        found.append(molecule and molecule._replace(warning=reading.warning))
    return found


def _structure(value: str | None, error: str | None) -> Structure:
    return Structure(value, None if error is None else error.removeprefix("ValueError: "))


def find_molecules(
    calls: NotationCalls, rows: Sequence[EvaluatedRow], with_names: bool
) -> list[RowMolecules]:
    """Return each row's molecules; all names of the rows are read in one batch."""
    asked: dict[str, dict[str, None]] = defaultdict(dict)  # texts by notation, each once
    for row in rows:
        asked[row.output_notation].update(dict.fromkeys((row.prediction, row.target or "")))
        if holds_structures(row.input_notation):
            asked[row.input_notation][row.meant] = None
    known: dict[tuple[str, str], Structure | None] = {}
    for notation, texts in asked.items():
        found = read_structures(calls, notation, list(texts), with_names)
        known.update({(notation, text): one for text, one in zip(texts, found, strict=True)})
    return [_molecules_of_row(row, known) for row in rows]


def _molecules_of_row(row: EvaluatedRow, known: dict[tuple[str, str], Structure | None]) -> RowMolecules:
    target = known[row.output_notation, row.target or ""]
    given = known[row.input_notation, row.meant] if holds_structures(row.input_notation) else None
    # A name is compared with the input molecule, not with the reference name, which may be wrong itself.
    order = (target, given) if holds_structures(row.output_notation) else (given, target)
    reference = next((one for one in order if one and one.smiles), None)
    answer = known[row.output_notation, row.prediction]
    warnings = {one.warning for one in (answer, reference) if one and one.warning}
    warning = AMBIGUOUS if AMBIGUOUS in warnings else next(iter(warnings), None)
    return RowMolecules(answer, reference.smiles if reference else None, warning)


def find_relations(calls: NotationCalls, molecules: Sequence[RowMolecules]) -> list[dict[str, bool] | None]:
    """Return how each answer is related to the reference (see `smiles.relate`); None if it is not read or there is none.

    An answer that denotes no molecule, or that cannot be compared in time, has none of the relations.
    """
    judged = [(m.prediction.smiles or "", m.reference) for m in molecules if m.prediction and m.reference]
    answers = iter(calls.call("smiles", "relate", judged))
    nothing = dict.fromkeys(("canonical", "without_stereo", "tautomer", "skeleton", "formula"), False)
    return [
        limit_relation(next(answers).value or nothing, m.warning) if m.prediction and m.reference else None
        for m in molecules
    ]


def limit_relation(relation: dict[str, bool], warning: str | None) -> dict[str, bool]:
    """Return a relation of two molecules (see `smiles.relate`) without the relations that a name with a warning does not prove.

    A name that fits several molecules proves only the formula. A name with racemic, relative or ignored stereo does not denote
    the pure enantiomer that OPSIN writes for it, so it proves only what holds without stereo.

    Examples:
        >>> limit_relation({"canonical": True, "without_stereo": True, "formula": True}, AMBIGUOUS)
        {'canonical': False, 'without_stereo': False, 'formula': True}
    """
    if warning is None:
        return relation
    shown = ("formula",) if warning == AMBIGUOUS else ("without_stereo", "skeleton", "formula")
    return {kind: holds and kind in shown for kind, holds in relation.items()}
