"""Which molecule a row asks for, which one the answer means, and how the two are related."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from callbacks.rows.evaluated_row import EvaluatedRow
from callbacks.rows.notation_calls import call
from datamodules.workers.opsin import AMBIGUOUS, Reading, read_names

_TO_SMILES = {"smiles": "normalize", "selfies": "to_smiles"}
_MOST_READINGS = 200_000  # about 50 MB; then start anew
_readings: dict[str, Reading] = {}


class Structure(NamedTuple):
    """The molecule that a text means."""

    smiles: str | None
    """Canonical SMILES, or None if the text means no molecule."""
    reason: str | None
    """Why it means none, in a few words that can be counted."""
    warning: str | None = None
    """Why a name says less than this molecule (see `opsin.Reading`): it fits others, too."""


class RowMolecules(NamedTuple):
    """A row's two molecules."""

    prediction: Structure | None
    """None if the output notation holds no molecules, or holds names and names are not read."""
    reference: str | None
    """Canonical SMILES of the molecule that is asked for: the input where it is a structure, else the target; None where
    neither can be read."""
    warning: str | None = None
    """Why a name, the answer's or the reference's, says less than its molecule; None if it does not."""


def holds_structures(notation: str) -> bool:
    """Return whether a notation's texts are molecules by themselves (a name is one only through a parser)."""
    return notation in _TO_SMILES


def read_structures(notation: str, texts: Sequence[str], with_names: bool) -> list[Structure | None]:
    """Return the molecule that each text means; None where a notation holds none.

    Args:
        notation: Of all texts.
        texts: Anything, such as predictions: they are judged in processes that can be killed.
        with_names: Whether IUPAC names are read, by OPSIN.
    """
    if notation in _TO_SMILES:
        results = call(notation, _TO_SMILES[notation], [(text,) for text in texts])
        return [_structure(result.value, result.error) for result in results]
    if notation != "iupac" or not with_names:
        return [None] * len(texts)
    readings = _read_once(texts)
    known = iter(read_structures("smiles", [r.smiles for r in readings if r.smiles], with_names))
    return [
        _with_warning(next(known), r.warning) if r.smiles else Structure(None, r.reason) for r in readings
    ]


def _with_warning(structure: Structure | None, warning: str | None) -> Structure | None:
    return structure and structure._replace(warning=warning)


def _structure(value: str | None, error: str | None) -> Structure:
    return Structure(value, None if error is None else error.removeprefix("ValueError: "))


def _read_once(names: Sequence[str]) -> list[Reading]:
    """Ask OPSIN about the names that it was not asked about yet, in one batch."""
    if len(_readings) > _MOST_READINGS:
        _readings.clear()
    new = [name for name in dict.fromkeys(names) if name not in _readings]
    _readings.update(zip(new, read_names(new), strict=True))
    return [_readings[name] for name in names]


def molecules_of(rows: Sequence[EvaluatedRow], with_names: bool) -> list[RowMolecules]:
    """Return each row's molecules; all names of the rows are read in one batch."""
    asked: dict[str, dict[str, None]] = defaultdict(dict)  # texts by notation, each once
    for row in rows:
        asked[row.output_notation].update(dict.fromkeys((row.prediction, row.target or "")))
        if holds_structures(row.input_notation):
            asked[row.input_notation][row.input] = None
    known: dict[tuple[str, str], Structure | None] = {}
    for notation, texts in asked.items():
        found = read_structures(notation, list(texts), with_names)
        known.update({(notation, text): one for text, one in zip(texts, found, strict=True)})
    return [_molecules_of_row(row, known) for row in rows]


def _molecules_of_row(row: EvaluatedRow, known: dict[tuple[str, str], Structure | None]) -> RowMolecules:
    target = known[row.output_notation, row.target or ""]
    given = known[row.input_notation, row.input] if holds_structures(row.input_notation) else None
    # A name is judged by the molecule that was asked about, not by the reference name, which may be wrong itself.
    order = (target, given) if holds_structures(row.output_notation) else (given, target)
    reference = next((one for one in order if one and one.smiles), None)
    answer = known[row.output_notation, row.prediction]
    warning = next((one.warning for one in (answer, reference) if one and one.warning), None)
    return RowMolecules(answer, reference.smiles if reference else None, warning)


def relations_of(molecules: Sequence[RowMolecules]) -> list[dict[str, bool] | None]:
    """Return how each answer is related to what was asked for (see `smiles.relate`); None where that cannot be said.

    An answer that means no molecule, or that cannot be judged in time, is related by nothing.
    """
    judged = [(m.prediction.smiles or "", m.reference) for m in molecules if m.prediction and m.reference]
    answers = iter(call("smiles", "relate", judged))
    nothing = dict.fromkeys(("canonical", "without_stereo", "tautomer", "skeleton", "formula"), False)
    return [
        limit_relation(next(answers).value or nothing, m.warning) if m.prediction and m.reference else None
        for m in molecules
    ]


def limit_relation(relation: dict[str, bool], warning: str | None) -> dict[str, bool]:
    """Return a relation of two molecules (see `smiles.relate`) without what a name with a warning cannot show.

    A name that fits several molecules shows the formula. One whose stereo is racemic, relative or ignored shows all but
    stereo: it is not the pure enantiomer that OPSIN writes for it.
    """
    if warning is None:
        return relation
    shown = ("formula",) if warning == AMBIGUOUS else ("without_stereo", "skeleton", "formula")
    return {kind: holds and kind in shown for kind, holds in relation.items()}
