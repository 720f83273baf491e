from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from datamodules.task_data import TaskData
from tests.helpers.small_tables import write_csv


def read(tokenizer: Any, tmp_path: Path, **options: Any) -> TaskData:
    source = write_csv(tmp_path / "pairs.csv", [["a", "b"], *[[f"a{n}", f"b{n}"] for n in range(60)]])
    (tmp_path / "x.yaml").write_text(
        "input: {column: a}\noutput: {column: b}\ninstructions: [One., 'Two, longer:', Three.]\n"
    )
    (tmp_path / "y.yaml").write_text("input: {column: b}\noutput: {column: a}\n")
    task = f"{tmp_path}/x.yaml,{tmp_path}/y.yaml"
    data = TaskData(
        tokenizer,
        task=task,
        source=source,
        **{"val_fraction": 0.3, "format": "plain", "ask": "all", "cache": False, **options},
    )
    data.prepare_sides(("val",))
    return data


def test_each_row_is_asked_in_each_phrasing_of_its_task(tokenizer: Any, tmp_path: Path) -> None:
    data = read(tokenizer, tmp_path)
    rows = [data.sides["val"].row(index) for index in range(data.sides["val"].num_rows)]
    asked = {task: [(row.input, row.phrasing) for row in rows if row.task == task] for task in ("x", "y")}
    inputs = sorted({text for text, _ in asked["x"]})
    assert sorted(asked["x"]) == sorted((text, number) for text in inputs for number in range(3))
    assert {number for _, number in asked["y"]} == {0}
    for index, row in enumerate(rows):
        prompt = tokenizer.decode(data.sides["val"].encoded.prompt(index).tolist())
        assert row.task == "y" or ("One.", "Two, longer:", "Three.")[row.phrasing] in prompt
    assert [len(texts.inputs) for texts in data.side_texts("val")] == [len(inputs), len(asked["y"])]
    assert data.report["rows"]["val"] == len(inputs) + len(asked["y"])


def test_a_row_that_is_too_long_in_one_phrasing_is_left_out_in_all(tokenizer: Any, tmp_path: Path) -> None:
    lengths = read(tokenizer, tmp_path).sides["val"].encoded.lengths
    data = read(tokenizer, tmp_path, max_length=int(lengths.max()) - 1)
    aside = [row for row in data.aside["fit"] if "in one of its phrasings (val)" in row.reason]
    assert aside
    left = {
        data.sides["val"].row(index).input
        for index in range(data.sides["val"].num_rows)
        if data.sides["val"].row(index).task == "x"
    }
    assert not left & {row.text for row in aside}


def test_a_format_without_the_instruction_is_refused(tokenizer: Any, tmp_path: Path) -> None:
    with pytest.raises(
        ValueError, match=r"--data\.ask all needs a format that shows the instruction, but arrow shows none"
    ):
        read(tokenizer, tmp_path, format="arrow")


def test_a_fit_asks_the_first_phrasing_only(tokenizer: Any, tmp_path: Path) -> None:
    data = read(tokenizer, tmp_path)
    again = TaskData(
        tokenizer, task=f"{tmp_path}/x.yaml", source=f"{tmp_path}/pairs.csv", ask="all", cache=False
    )
    again.prepare_sides(("train", "val"))
    assert all(asked.phrasings is None for asked in again.sides.values())
    assert [side for side, asked in data.sides.items() if asked.phrasings is not None] == ["val"]
