from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from datamodules.rows.read_and_split import SplitSettings
from datamodules.rows.task_rows import TaskRows, read_task
from datamodules.sources.rows import Rows
from datamodules.splits import TRAIN
from datamodules.tasks import Task
from datamodules.workers.worker_pool import WorkerPool
from tests.helpers.known_rows import TASK, make_known


def make_rows(pairs: list[tuple[str, str]]) -> TaskRows:
    table = pa.table({side: [pair[place] for pair in pairs] for place, side in enumerate(("smiles", "name"))})
    return read_task(TASK, Rows(table, np.arange(len(pairs)), "more", [], False, len(pairs)))


def test_rows_of_held_out_molecules_are_found_however_they_are_written(tmp_path: Path) -> None:
    known = make_known(tmp_path, SplitSettings(split_column="side"))
    # ethane is a test row, propane validation, methane training; the split column says nothing of others
    rows = make_rows([("CC", "a"), ("[CH3][CH3]", "b"), ("C(C)C", "c"), ("C", "d"), ("CCCCCCCCCCC", "e")])
    with WorkerPool() as pool:
        assert known.find_held_out(rows, pool).tolist() == [True, True, True, False, False]
        assert known.find_held_out(make_rows([]), pool).tolist() == []


@pytest.mark.parametrize("split", ["identity", "scaffold", "parent"])
def test_molecules_that_the_split_would_hold_out_are_held_out(tmp_path: Path, split: str) -> None:
    settings = SplitSettings(split=split, val_fraction=0.3, test_fraction=0.2)  # type: ignore[arg-type]
    known = make_known(tmp_path, settings)
    rows = make_rows([("C" * count + "Br", "x") for count in range(1, 41)])
    with WorkerPool() as pool:
        found = known.find_held_out(rows, pool)
    assert 8 < found.sum() < 32
    if split == "identity":
        from datamodules.splits import split_by_hash

        assert found.tolist() == (split_by_hash(rows.identities, 0.3, 0.2) != TRAIN).tolist()


def test_pairs_and_inputs_of_training_are_known_and_those_of_a_record(tmp_path: Path) -> None:
    known = make_known(tmp_path, SplitSettings(split_column="side"), record=True)
    rows = make_rows([("C", "methane"), ("C", "marsh gas"), ("S", "S"), ("CC", "ethane")])
    assert known.find_trained(rows).tolist() == [True, False, True, False]
    assert known.find_asked(rows).tolist() == [True, True, False, False]
    other = Task("other", TASK.input, TASK.output)
    assert known.find_asked(TaskRows(**{**vars(rows), "task": other})).tolist() == [False] * 4
