from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from datamodules.task_data import TaskData
from tests.helpers.small_tables import prepare_data, write_csv


def prepare_weighted(tokenizer: Any, tmp_path: Path, task: str, **options: Any) -> TaskData:
    source = write_csv(tmp_path / "pairs.csv", [["a", "b"], *[[f"a{n}", f"b{n}"] for n in range(300)]])
    for name, (one, other) in {"x": ("a", "b"), "y": ("b", "a")}.items():
        (tmp_path / f"{name}.yaml").write_text(f"input: {{column: {one}}}\noutput: {{column: {other}}}\n")
    return prepare_data(tokenizer, task=task.format(tmp_path), source=source, **options)


def test_tasks_with_weights_are_shown_in_their_ratio(tokenizer: Any, tmp_path: Path) -> None:
    data = prepare_weighted(tokenizer, tmp_path, "{0}/x.yaml:3,{0}/y.yaml:1")
    tasks = data.pool_tasks("train")
    drawn = [data.encode_training(epoch)[1] for epoch in range(2)]
    counts = [[int((tasks[rows] == task).sum()) for task in (0, 1)] for rows in drawn]
    assert counts[0][0] == (tasks == 0).sum()
    assert counts[0][1] == pytest.approx(counts[0][0] / 3, abs=1)
    assert counts[0] == counts[1]
    assert set(drawn[0].tolist()) != set(drawn[1].tolist())  # another draw each epoch


def test_tasks_without_weights_show_all_rows(tokenizer: Any, tmp_path: Path) -> None:
    data = prepare_weighted(tokenizer, tmp_path, "{0}/x.yaml,{0}/y.yaml")
    assert len(data.encode_training(0)[1]) == len(data.sides["train"].places)


@pytest.mark.parametrize("tasks", ["{0}/x.yaml:3,{0}/y.yaml:1", "{0}/x.yaml,{0}/y.yaml", "{0}/x.yaml"])
def test_short_epochs_are_drawn_anew(tokenizer: Any, tmp_path: Path, tasks: str) -> None:
    data = prepare_weighted(tokenizer, tmp_path, tasks, epoch_rows=40)
    numbers = data.pool_tasks("train")
    drawn = [data.encode_training(epoch)[1] for epoch in range(3)]
    assert all(len(set(rows.tolist())) == len(rows) == 40 for rows in drawn)
    assert data.encode_training(1)[1].tolist() == drawn[1].tolist()
    assert len({row for rows in drawn for row in rows.tolist()}) > 60  # not the same 40 again
    if ":" in tasks:
        assert all(int((numbers[rows] == 1).sum()) == 10 for rows in drawn)
    encoded, rows = data.encode_training(2)
    everything = prepare_weighted(tokenizer, tmp_path, tasks)
    store = everything.store
    assert store is not None
    expected = store.encode(everything.sides["train"].places[rows], 2, everything.max_length)
    assert encoded.ids.tolist() == expected.ids.tolist()


def test_a_task_of_weight_0_is_evaluated_and_never_trained(tokenizer: Any, tmp_path: Path) -> None:
    data = prepare_weighted(tokenizer, tmp_path, "{0}/x.yaml:3,{0}/y.yaml:0")
    assert data.held_out == ["y"]
    assert set(data.pool_tasks("val").tolist()) == {0, 1}
    assert set(data.pool_tasks("train").tolist()) == {0}
    assert (
        len(data.encode_training(0)[1])
        == len(data.sides["train"].places)
        == int((data.pool_tasks("train") == 0).sum())
    )
    assert [len(texts.inputs) > 0 for texts in data.side_texts("train")] == [True, False]


def test_a_task_of_weight_0_is_shown_by_its_own_training_side(tokenizer: Any, tmp_path: Path) -> None:
    data = prepare_weighted(tokenizer, tmp_path, "{0}/x.yaml:1,{0}/y.yaml:0", shots=2)
    assert data.store is not None
    assert {name: len(rows) > 2 for name, rows in data.store.demonstrations.pools.items()} == {
        "x": True,
        "y": True,
    }
    evaluated = set(data.sides["val"].places.tolist())
    assert not evaluated & set(data.store.demonstrations.pools["y"].tolist())
