"""What a run's rows say about further ones: which are of held-out identities, and which pairs it was trained on already."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from datamodules.notations.lookup import load_notation
from datamodules.rows.prepare import Prepared
from datamodules.rows.read_and_split import Part, SplitSettings, split_parts
from datamodules.rows.side_texts import SideTexts, texts_by_task
from datamodules.rows.task_rows import TaskRows
from datamodules.rows.training_record import TrainingRecord, hash_pairs
from datamodules.splits import TRAIN
from datamodules.storage.text_columns import TextColumn
from datamodules.tasks import Task
from datamodules.workers.worker_pool import WorkerPool


def tells_identity(task: Task, has_output: bool) -> bool:
    """Say whether a row's identity is known: a name has none, its structure does.

    Examples:
        >>> from datamodules.tasks import Side
        >>> read = Task("read", Side("name", "iupac"), Side("smiles", "smiles"))
        >>> tells_identity(read, has_output=True), tells_identity(read, has_output=False)
        (True, False)
    """
    known = [hasattr(load_notation(side.notation), "identity") for side in (task.input, task.output)]
    return has_output or known[0] or not known[1]


class KnownRows:
    """The rows of a run, by which further rows are judged.

    Args:
        prepared: All rows of its tasks, and their sides.
        settings: Its split.
        record: What its model was trained on, where that is remembered.
    """

    def __init__(
        self, prepared: Prepared, settings: SplitSettings, record: TrainingRecord | None = None
    ) -> None:
        self.settings = settings
        held_out = [
            part.identities.take(np.flatnonzero(side != TRAIN)).values
            for part, side in zip(prepared.parts, prepared.sides_by_part(), strict=True)
        ]
        self.held_out: pa.LargeStringArray = pa.chunked_array(held_out, pa.large_string()).combine_chunks()
        self.held_out_texts = _collect_texts(
            texts_by_task(prepared.parts, np.flatnonzero(prepared.sides != TRAIN))
        )
        """The inputs and outputs of held-out rows by their notation."""
        trained = texts_by_task(prepared.parts, np.flatnonzero(prepared.sides == TRAIN))
        self.asked: dict[str, pa.LargeStringArray] = {
            name: pa.chunked_array(
                [one.inputs.values for one in trained if one.task == name], pa.large_string()
            ).combine_chunks()
            for name in {one.task for one in trained}
        }
        pairs = [hash_pairs(one.inputs, one.outputs) for one in trained]
        if record is not None and record.pairs is not None:
            pairs.append(record.pairs)
        self.pairs: NDArray[np.uint64] = np.unique(np.concatenate(pairs))

    def find_held_out(self, rows: TaskRows, pool: WorkerPool) -> NDArray[np.bool_]:
        """Say for each row, (N,), whether its identity is on the side of validation or test.

        It is if it is one of their rows', or if the split would put it there: then another table's test may hold it.
        """
        if not len(rows):
            return np.zeros(0, dtype=bool)
        found = _stand_in(rows.identities, self.held_out)
        if self.settings.split_column is None:
            sides, _ = split_parts([Part(rows, None, None)], self.settings, pool)
            found |= sides != TRAIN
        return found

    def find_held_out_texts(self, rows: TaskRows) -> NDArray[np.bool_]:
        """Say for each row, (N,), whether its input stands in a held-out row: for inputs that tell no identity, such as names."""
        texts = self.held_out_texts.get(rows.task.input.notation)
        return np.zeros(len(rows), dtype=bool) if texts is None else _stand_in(rows.inputs, texts)

    def find_asked(self, rows: TaskRows) -> NDArray[np.bool_]:
        """Say for each row, (N,), whether a training row of the same task has its input: its answer is known."""
        asked = self.asked.get(rows.task.name)
        return np.zeros(len(rows), dtype=bool) if asked is None else _stand_in(rows.inputs, asked)

    def find_trained(self, rows: TaskRows) -> NDArray[np.bool_]:
        """Say for each row, (N,), whether the model was trained on its pair of input and output."""
        return np.isin(hash_pairs(rows.inputs, rows.outputs), self.pairs)


def _collect_texts(sides: Sequence[SideTexts]) -> dict[str, pa.LargeStringArray]:
    found: dict[str, list[pa.LargeStringArray]] = {}
    for one in sides:
        found.setdefault(one.input_notation, []).append(one.inputs.values)
        found.setdefault(one.output_notation, []).append(one.outputs.values)
    return {
        notation: pa.chunked_array(texts, pa.large_string()).combine_chunks()
        for notation, texts in found.items()
    }


def _stand_in(column: TextColumn, texts: pa.LargeStringArray) -> NDArray[np.bool_]:
    found: NDArray[np.bool_] = pc.is_in(column.values, value_set=texts).to_numpy(zero_copy_only=False)
    return found[column.codes]


def find_repeated(texts: Sequence[object]) -> NDArray[np.bool_]:
    """Say for each item, (N,), whether an equal one stands before it.

    Examples:
        >>> find_repeated(["a", "b", "a"]).tolist()
        [False, False, True]
    """
    seen: set[object] = set()
    found = []
    for text in texts:
        found.append(text in seen)
        seen.add(text)
    return np.array(found, dtype=bool)
