"""Faults of a test set: what it shares with the training rows, and unanswerable questions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from callbacks.rows.nearest_training import molecules_of_side
from callbacks.rows.notation_calls import NotationCalls
from callbacks.rows.structures import read_structures
from callbacks.rows.training_molecules import KnownMolecules, TrainingMolecules, read_keys
from datamodules.rows.side_texts import SideTexts
from datamodules.rows.training_record import TrainingRecord
from datamodules.storage.text_columns import TextColumn
from datamodules.workers.opsin import AMBIGUOUS
from datamodules.workers.worker_pool import WorkerPool

FINDINGS = {
    "pair": "input and target are those of a training row",
    "input": "the input is that of a training row, as a string",
    "trained": "the run remembers a training row of the same identity (training_rows.npz)",
    "target": "the target is that of a training row, as a string",
    "molecule": "the molecule is in the training rows (canonical SMILES)",
    "connectivity": "the molecule is in the training rows but for stereo, isotopes or protons (first block of the InChIKey)",
    "parent": "a salt, an ion or the free form of the molecule is in the training rows (same largest organic component)",
    "scaffold": "the Murcko scaffold is in the training rows",
    "ambiguous": "another row has the same input and another target",
    "stereo": "the answer has stereo that the question does not have",
    "other_molecule": "OPSIN reads the name as another molecule",
    "tautomer": "OPSIN reads the name as a tautomer (same InChIKey)",
    "unreadable": "OPSIN cannot read the name",
    "ambiguous_name": "OPSIN says that the name fits several molecules",
    "relative_stereo": "the name is of a racemate or of relative stereo, or OPSIN ignores a part of its stereo",
}
"""What can be found about a row, in words. Several can hold for one row."""

LEAKS = ("pair", "input", "trained", "molecule", "connectivity")
"""The findings with which a right answer is no evidence: it may be memorized."""
UNANSWERABLE = ("ambiguous", "stereo", "other_molecule", "ambiguous_name", "relative_stereo")
"""The findings that keep a good model from the reference answer."""


class Finding(NamedTuple):
    """Something that was found about a row."""

    row: int
    """Its place among the rows of the task."""
    kind: str
    """One of `FINDINGS`."""
    detail: str = ""
    """What the name was read as, or what the row shares."""


def find_shared_strings(train: SideTexts, test: SideTexts, with_targets: bool = True) -> Iterator[Finding]:
    """Find rows whose strings are in the training rows, in any Unicode form.

    Args:
        train: The training rows.
        test: Rows of the same task.
        with_targets: Whether targets alone count: every class stands in training, and so do most numbers.
    """
    trained = train.inputs.composed(), train.outputs.composed()
    tested = test.inputs.composed(), test.outputs.composed()
    inputs, targets = map(set, trained)
    asked = set(tested[0]) & inputs
    pairs = {pair for pair in zip(*trained, strict=True) if pair[0] in asked}
    for row, (given, target) in enumerate(zip(*tested, strict=True)):
        if (given, target) in pairs:
            yield Finding(row, "pair")
        if given in inputs:
            yield Finding(row, "input")
        if with_targets and target in targets:
            yield Finding(row, "target")


def find_trained(record: TrainingRecord | None, test: SideTexts) -> Iterator[Finding]:
    """Find rows whose identity the run was trained on."""
    if record is not None:
        for row in np.flatnonzero(record.knows(test.identities)).tolist():
            yield Finding(row, "trained")


def find_shared_molecules(known: KnownMolecules, test: TextColumn, pool: WorkerPool) -> Iterator[Finding]:
    """Find rows whose molecule, connectivity, parent or scaffold is in the training rows; a column of SMILES."""
    for row, keys in enumerate(read_keys(test, pool)):
        shared = known.look_up(keys)
        if shared.canonical:
            yield Finding(row, "molecule", shared.canonical)
        elif shared.connectivity:
            yield Finding(row, "connectivity", shared.connectivity)
        elif shared.parent:
            yield Finding(row, "parent", shared.parent)
        if shared.scaffold:
            yield Finding(row, "scaffold", shared.scaffold)


def find_ambiguous(test: SideTexts) -> Iterator[Finding]:
    """Find rows whose input stands in another row with another target, in any Unicode form."""
    inputs, targets = test.inputs.composed(), dict[str, set[str]]()
    for given, target in zip(inputs, test.outputs.composed(), strict=True):
        targets.setdefault(given, set()).add(target)
    for row, given in enumerate(inputs):
        if len(targets[given]) > 1:
            yield Finding(row, "ambiguous", f"{len(targets[given])} targets")


def find_unanswerable(calls: NotationCalls, test: SideTexts, with_names: bool) -> Iterator[Finding]:
    """Find rows whose two sides are not the same molecule, of tasks that rewrite molecules.

    Args:
        calls: The calls to notations.
        test: Rows of one task.
        with_names: Whether names are read by OPSIN; without, tasks with names have no findings.
    """
    sides = (test.input_notation, test.inputs), (test.output_notation, test.outputs)
    read = [read_structures(calls, notation, column[:], with_names) for notation, column in sides]
    named = [notation == "iupac" for notation, _ in sides]
    pairs = []
    for row, (given, asked) in enumerate(zip(*read, strict=True)):
        if given is None or asked is None:
            return
        for structure, is_name in zip((given, asked), named, strict=True):
            if is_name and structure.smiles is None:
                yield Finding(row, "unreadable", structure.reason or "")
            if structure.warning:
                kind = "ambiguous_name" if structure.warning == AMBIGUOUS else "relative_stereo"
                yield Finding(row, kind, f"read as {structure.smiles}")
        if given.smiles and asked.smiles:
            pairs.append((row, given.smiles, asked.smiles))
    yield from _find_differences(calls, pairs, any(named))


def _find_differences(
    calls: NotationCalls, pairs: Sequence[tuple[int, str, str]], has_names: bool
) -> Iterator[Finding]:
    """Compare (row, molecule of the input, molecule of the target); pairs that cannot be compared in time are no finding."""
    relations = calls.call("smiles", "relate", [(given, asked) for _, given, asked in pairs])
    differing = [
        (pair, relation.value)
        for pair, relation in zip(pairs, relations, strict=True)
        if relation.value and not relation.value["canonical"]
    ]
    for (row, given, asked), relation in differing:
        described = calls.call("smiles", "describe", [(given,), (asked,)])
        before, after = ((one.value or {}).get("stereo", 0) for one in described)
        if relation["without_stereo"] and after > before:
            yield Finding(row, "stereo", f"{given} | {asked}")
        elif has_names:
            yield Finding(row, "tautomer" if relation["tautomer"] else "other_molecule", f"{given} | {asked}")


def audit(
    training: TrainingMolecules,
    test: SideTexts,
    with_names: bool,
    calls: NotationCalls,
    with_targets: bool = True,
) -> list[Finding]:
    """Return all that is found about the rows of a task, row by row.

    Args:
        training: The training rows and their molecules.
        test: The rows to be judged.
        with_names: Whether names are read by OPSIN.
        calls: The calls to notations.
        with_targets: Whether a target that stands in training is a finding.
    """
    findings = [*find_ambiguous(test), *find_unanswerable(calls, test, with_names)]
    findings += find_trained(training.record, test)
    for texts in training.texts(test.task):
        findings += find_shared_strings(texts, test, with_targets)
    tested = molecules_of_side(test, calls.pool)
    if tested is not None:
        findings += find_shared_molecules(training.known(test.task), tested, calls.pool)
    order = list(FINDINGS)
    # A task of several files may find the same in each.
    return sorted(set(findings), key=lambda one: (one.row, order.index(one.kind), one.detail))
