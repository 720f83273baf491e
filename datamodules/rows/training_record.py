"""What a model was trained on, remembered: the identities and the pairs of its training rows, as hashes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datamodules.rows.side_texts import SideTexts, texts_by_task
from datamodules.rows.task_rows import TaskRows
from datamodules.storage.atomic_write import whole_binary_file
from datamodules.storage.spill import blocks_of, each_text, hash_texts
from datamodules.storage.text_columns import TextColumn
from datamodules.tasks import Task

FILE = "training_rows.npz"
"""The record's file in a run's folder."""
USUAL = 0.99
"""The share of validation rows whose prompts count as like those of training."""


class TrainingRecord:
    """The identities and the pairs of input and target of all rows that a model was trained on, over all tasks.

    Identities are hashed: 8 bytes each keep the file small and give no text away. One of 10^7 strange identities is
    taken for a known one with a probability of 5e-13.

    Args:
        hashes: uint64 hashes of identities, as `hash_identities` computes them; in any order, repeated or not.
        notations: The notations of each task's two sides, which decide what an identity is.
        pairs: uint64 hashes of pairs, as `hash_pairs` computes them; None if a training kept none (an earlier version's).
        token_pairs: The pairs of neighbouring tokens of its prompts, as `token_pairs.find_pairs` finds them; None if unknown.
        usual: So many new pairs hardly any validation row has more than (`USUAL` of them have at most so many).
    """

    def __init__(
        self,
        hashes: NDArray[np.uint64],
        notations: Iterable[frozenset[str]],
        pairs: NDArray[np.uint64] | None = None,
        token_pairs: NDArray[np.uint64] | None = None,
        usual: int = 0,
    ) -> None:
        self.hashes = _distinct(hashes)
        self.notations = frozenset(notations)
        self.pairs = None if pairs is None else _distinct(pairs)
        self.token_pairs, self.usual = token_pairs, usual

    def __len__(self) -> int:
        return len(self.hashes)

    def knows(self, identities: TextColumn) -> NDArray[np.bool_]:
        """Return for each row, (N,), whether the model was trained on a row with its identity."""
        known = np.isin(hash_texts(each_text(identities.values)), self.hashes)
        return known[identities.codes]

    def count_pairs(self, texts: SideTexts) -> int | None:
        """Return how many of some rows' pairs of input and target the model was trained on; None if that is not known."""
        if self.pairs is None:
            return None
        return int(np.isin(hash_pairs(texts.inputs, texts.outputs), self.pairs).sum())

    def covers(self, tasks: Sequence[Task]) -> bool:
        """Return whether the identities of these tasks can be compared with those of training."""
        return all(
            frozenset((task.input.shown_notation, task.output.notation)) in self.notations for task in tasks
        )

    def join(self, other: TrainingRecord | None) -> TrainingRecord:
        """Return the record of both trainings."""
        if other is None:
            return self
        known = [pairs for pairs in (self.pairs, other.pairs) if pairs is not None]
        tokens = [pairs for pairs in (self.token_pairs, other.token_pairs) if pairs is not None]
        return TrainingRecord(
            np.concatenate([self.hashes, other.hashes]),
            self.notations | other.notations,
            np.concatenate(known) if len(known) == 2 else None,
            np.unique(np.concatenate(tokens)) if tokens else None,
            self.usual,
        )

    def find_unlike(
        self, count_new: Callable[[NDArray[np.uint64]], NDArray[np.int64]]
    ) -> NDArray[np.bool_] | None:
        """Return which prompts have more new pairs of tokens than is usual; None if the pairs of training are not known.

        Args:
            count_new: Returns how many pairs of each prompt are none of the given ones.
        """
        return None if self.token_pairs is None else count_new(self.token_pairs) > self.usual

    def save(self, path: Path) -> None:
        """Write the record; after an error or a kill, the old file remains."""
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole_binary_file(path) as file:
            notations = sorted(" ".join(sorted(pair)) for pair in self.notations)
            arrays: dict[str, NDArray[Any]] = {
                "identities": self.hashes,
                "notations": np.array(notations, dtype=np.str_),
            }
            if self.pairs is not None:
                arrays["pairs"] = self.pairs
            if self.token_pairs is not None:
                arrays |= {"token_pairs": self.token_pairs, "usual": np.array(self.usual)}
            np.savez(file, allow_pickle=False, **arrays)


def _distinct(hashes: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return the different hashes, sorted; those of a file are so already, and sorting a million takes half a second."""
    found: NDArray[np.uint64] = hashes if (hashes[1:] > hashes[:-1]).all() else np.unique(hashes)
    return found


def hash_pairs(inputs: TextColumn, outputs: TextColumn) -> NDArray[np.uint64]:
    """Return a hash of each row's pair of input and target, (N,); the Unicode form makes no difference.

    Examples:
        >>> one, other = TextColumn.of(["a", "ab"]), TextColumn.of(["bc", "c"])
        >>> len(set(hash_pairs(one, other).tolist()))
        2
    """
    blocks = blocks_of(np.arange(len(inputs)))
    columns = ([column.take(block).composed() for column in (inputs, outputs)] for block in blocks)
    texts = chain.from_iterable(zip(*pair, strict=True) for pair in columns)
    return hash_texts(f"{len(given)} {given}{target}" for given, target in texts)


def record_rows(texts: Iterable[SideTexts]) -> TrainingRecord:
    """Return the record of a training on some rows.

    Examples:
        >>> rows = SideTexts("t", "text", "text", *[TextColumn.of(["a", "b", "a"])] * 3)
        >>> record = record_rows([rows])
        >>> len(record), record.knows(TextColumn.of(["b", "c"])).tolist()
        (2, [True, False])
    """
    hashes, pairs = [np.zeros(0, dtype=np.uint64)], [np.zeros(0, dtype=np.uint64)]
    notations = set[frozenset[str]]()
    for one in texts:
        hashes.append(hash_texts(each_text(one.identities.values)))
        pairs.append(hash_pairs(one.inputs, one.outputs))
        notations.add(frozenset((one.input_notation, one.output_notation)))
    return TrainingRecord(np.concatenate(hashes), notations, np.concatenate(pairs))


def load_record(path: Path) -> TrainingRecord | None:
    """Return a record, or None if there is no file.

    Raises:
        ValueError: If the file is no record.
    """
    if not path.is_file():
        return None
    try:
        with np.load(path, allow_pickle=False) as file:
            notations = [frozenset(pair.split()) for pair in file["notations"].tolist()]
            pairs = file["pairs"].astype(np.uint64) if "pairs" in file else None
            tokens = file["token_pairs"].astype(np.uint64) if "token_pairs" in file else None
            usual = int(file["usual"]) if "usual" in file else 0
            return TrainingRecord(file["identities"].astype(np.uint64), notations, pairs, tokens, usual)
    except Exception as error:  # zipfile's, numpy's and the operating system's
        raise ValueError(
            f"{path}: expected the hashes of the training rows, but it cannot be read ({error}). Remove it to go on "
            "without; `test` then compares with the training rows of today's flags."
        ) from error


def trained_texts(
    parts: Sequence[TaskRows], record: TrainingRecord, held_out: Sequence[str] = ()
) -> list[SideTexts]:
    """Return the texts of the rows that a model was trained on, whatever side they are on now, one entry per part.

    Args:
        parts: All rows.
        record: What the model was trained on.
        held_out: Tasks that it was not trained on, though other tasks may have the same identities.
    """
    known = [record.knows(part.identities) & (part.task.name not in held_out) for part in parts]
    return texts_by_task(parts, np.flatnonzero(np.concatenate(known)))
