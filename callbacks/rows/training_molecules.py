"""The training molecules of a task, with keys for what an evaluated molecule may share with them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from callbacks.rows.nearest_training import (
    Neighbours,
    find_most_similar,
    find_nearest,
    fingerprints,
    molecule_columns,
)
from datamodules.rows.side_texts import SideTexts
from datamodules.rows.training_record import TrainingRecord
from datamodules.storage.text_columns import TextColumn, as_strings
from datamodules.texts.similar_texts import BYTES
from datamodules.workers.worker_pool import WorkerPool


class Keys(NamedTuple):
    """The keys of one molecule; empty strings if they cannot be computed in time."""

    canonical: str
    """RDKit's canonical SMILES."""
    connectivity: str
    """The first block of the InChIKey."""
    scaffold: str
    """The Murcko scaffold; empty without rings."""
    parent: str
    """The connectivity of the largest organic component, neutral; empty without carbon."""


class KnownMolecules:
    """The keys of many molecules, for looking up others.

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
        """Return a molecule's keys that are known; the others are empty."""
        return Keys(*(key if key in known else "" for key, known in zip(keys, self._known, strict=True)))


def read_keys(column: TextColumn, pool: WorkerPool) -> Iterator[Keys]:
    """Return the keys of each row of a column of SMILES."""
    answers = pool.map("smiles", "keys", as_strings(column.values))
    keys = [Keys(*text.split("\t")) if text else Keys("", "", "", "") for text in answers.values.to_pylist()]
    return (keys[code] for code in column.codes.tolist())


class TrainingMolecules:
    """The training rows of each task and their molecules, read once, on first use.

    A row's molecule is its input if that is a structure, else its output; a row without a structure has none.

    Args:
        read_texts: Returns the training rows of all tasks, file by file.
        pool: Worker processes.
        record: What the model was trained on, as its run remembers it; None if `read_texts` tells it.
    """

    def __init__(
        self,
        read_texts: Callable[[], list[SideTexts]],
        pool: WorkerPool,
        record: TrainingRecord | None = None,
    ) -> None:
        self.read_texts, self._pool, self.record = read_texts, pool, record
        self._fingerprints: dict[str, NDArray[np.uint8]] = {}
        self._known: dict[str, KnownMolecules] = {}

    def texts(self, task: str) -> list[SideTexts]:
        """Return the training rows of a task, file by file."""
        return [texts for texts in self.read_texts() if texts.task == task]

    def find_nearest(self, task: str, smiles: Sequence[str]) -> Neighbours:
        """Return the nearest training row of a task for each molecule, as its index among the rows of `texts`."""
        return find_nearest(fingerprints(smiles, self._pool), self._known_fingerprints(task))

    def find_most_similar(
        self, task: str, smiles: Sequence[str], count: int
    ) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Return similarities and indices, (Q, count), of the most similar training rows, as `find_nearest` counts them."""
        return find_most_similar(fingerprints(smiles, self._pool), self._known_fingerprints(task), count)

    def _known_fingerprints(self, task: str) -> NDArray[np.uint8]:
        if task not in self._fingerprints:
            columns = molecule_columns(self.texts(task), self._pool)
            known = [fingerprints(column, self._pool) for column in columns]
            self._fingerprints[task] = np.concatenate([np.zeros((0, BYTES), dtype=np.uint8), *known])
        return self._fingerprints[task]

    def known(self, task: str) -> KnownMolecules:
        """Return the keys of a task's training molecules. The first call takes about 1 ms of one core per molecule."""
        if task not in self._known:
            self._known[task] = KnownMolecules(molecule_columns(self.texts(task), self._pool), self._pool)
        return self._known[task]

    def share_parent(self, task: str, smiles: Sequence[str]) -> list[bool]:
        """Return for each molecule whether it or a salt, ion or stereoisomer of it is among the task's training molecules."""
        known = self.known(task)
        return [bool(known.look_up(keys).parent) for keys in read_keys(TextColumn.of(smiles), self._pool)]
