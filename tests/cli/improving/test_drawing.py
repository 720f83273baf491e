from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from numpy.typing import NDArray

from cli.asking.find import describe
from cli.asking.model import Model
from cli.improving import drawing
from cli.improving.drawing import Sampling, draw_candidates, draw_chunk
from cli.improving.inputs import Questions
from datamodules.storage.text_columns import TextColumn
from datamodules.tasks import Task
from tests.helpers.improving import write_run

SAMPLING = Sampling(candidates=3, temperature=1.0, top_p=1.0, seed=5)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    return Model(describe(write_run(tmp_path_factory.mktemp("drawing"))))


def ask(*texts: str) -> Questions:
    column = TextColumn.of(texts)
    return Questions(column, TextColumn.of([""] * len(texts)), column)


def reward_length(
    task: Task, inputs: Sequence[str], references: Sequence[Sequence[str]], answers: Sequence[str]
) -> NDArray[np.float64]:
    """Reward answers of an even length."""
    assert not any(references)
    return np.array([1.0 - len(answer) % 2 for answer in answers])


def test_candidates_of_an_input_stand_together_and_do_not_depend_on_the_chunk(model: Model) -> None:
    task = model.find_task(None)
    table = draw_chunk(model, task, ask("a", "bb", "ccc"), 4, SAMPLING, reward_length)
    assert table["number"].to_pylist() == [4] * 3 + [5] * 3 + [6] * 3
    assert table["input"].to_pylist()[::3] == ["a", "bb", "ccc"]
    alone = draw_chunk(model, task, ask("bb"), 5, SAMPLING, reward_length)
    assert alone["answer"].to_pylist() == table["answer"].to_pylist()[3:6]
    for row in table.to_pylist():
        assert row["reward"] == (1.0 - len(row["answer"]) % 2 if row["stopped"] else 0.0)


def test_input_that_is_longer_than_the_model_reads_has_no_candidates(model: Model) -> None:
    table = draw_chunk(model, model.find_task(None), ask("a", "b" * 2000), 0, SAMPLING, reward_length)
    assert set(table["number"].to_pylist()) == {0}


def test_chunks_that_are_there_are_not_drawn_again_and_the_rest_is_the_same(
    model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drawing, "CHUNK", 2)
    task, questions = model.find_task(None), ask("a", "b", "c", "d", "e")
    told: list[int] = []
    whole, seconds = draw_candidates(
        tmp_path, questions, task, SAMPLING, reward_length, lambda: model, told.append
    )
    assert told == [2, 4, 5]
    assert seconds > 0
    files = sorted(tmp_path.iterdir())
    assert [pq.read_metadata(file).num_rows for file in files] == [6, 6, 3]
    files[1].unlink()
    (tmp_path / "000001.parquet.part").write_bytes(b"half")
    again, _ = draw_candidates(tmp_path, questions, task, SAMPLING, reward_length, lambda: model)
    assert again.equals(whole)

    def fail() -> Model:
        raise AssertionError("loaded the model for nothing")

    assert draw_candidates(tmp_path, questions, task, SAMPLING, reward_length, fail)[0].equals(whole)
