"""The training molecules of a task, by what an evaluated molecule may share with them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

from callbacks.rows.nearest_training import molecule_columns, training_texts
from callbacks.rows.protocols import EvaluationData
from datamodules.storage.text_columns import TextColumn, as_strings
from datamodules.workers.worker_pool import WorkerPool


class Keys(NamedTuple):
    """Of one molecule; empty strings where it cannot be judged in time."""

    canonical: str
    """RDKit's canonical SMILES."""
    connectivity: str
    """The first block of the InChIKey."""
    scaffold: str
    """The Murcko scaffold; empty without rings."""
    parent: str
    """The connectivity of the largest organic component, neutral; empty without carbon."""


class KnownMolecules:
    """The keys of N molecules, to look others up.

    Args:
        columns: Columns of SMILES.
        pool: Worker processes.
    """

    def __init__(self, columns: Iterable[TextColumn], pool: WorkerPool) -> None:
        self._known: list[set[str]] = [set() for _ in Keys._fields]
        for column in columns:
            for keys in read_keys(column, pool):
                for known, key in zip(self._known, keys, strict=True):
                    known.add(key)

    def look_up(self, keys: Keys) -> Keys:
        """Return the keys of a molecule that are known, the others empty."""
        return Keys(*(key if key in known else "" for key, known in zip(keys, self._known, strict=True)))


def read_keys(column: TextColumn, pool: WorkerPool) -> Iterator[Keys]:
    """Return the keys of each row of a column of SMILES."""
    answers = pool.map("smiles", "keys", as_strings(column.values))
    keys = [Keys(*text.split("\t")) if text else Keys("", "", "", "") for text in answers.values.to_pylist()]
    return (keys[code] for code in column.codes.tolist())


_KNOWN: WeakKeyDictionary[Any, dict[str, KnownMolecules]] = WeakKeyDictionary()


def training_molecules(datamodule: EvaluationData, task: str, pool: WorkerPool) -> KnownMolecules:
    """Return the training molecules of a task; they are kept for the next call. About 1 ms of a core a molecule."""
    known = _KNOWN.setdefault(datamodule, {})
    if task not in known:
        known[task] = KnownMolecules(molecule_columns(training_texts(datamodule, task), pool), pool)
    return known[task]


def share_parent(
    datamodule: EvaluationData, task: str, smiles: Sequence[str], pool: WorkerPool
) -> list[bool]:
    """Return for each molecule whether it, a salt, an ion or a stereoisomer of it is among the training molecules of a task."""
    known = training_molecules(datamodule, task, pool)
    return [bool(known.look_up(keys).parent) for keys in read_keys(TextColumn.of(smiles), pool)]
