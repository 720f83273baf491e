from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from datamodules.rows.columns.vocabulary import find_other_words, read_words
from datamodules.storage.text_columns import TextColumn
from datamodules.task_data import TaskData
from datamodules.tasks import load_task
from tests.helpers.small_tables import write_csv


def test_words_are_compared_without_case_digits_and_punctuation() -> None:
    inputs, outputs = (
        TextColumn.of(["The cat!", "a CAT", "12 cats"]),
        TextColumn.of(["Cat", "dog", "the, the"]),
    )
    assert find_other_words([inputs, outputs], frozenset(["the", "a", "cat"]), "w.txt") == {
        1: "uses other words than w.txt",
        2: "uses other words than w.txt",
    }


def test_a_file_that_is_missing_or_empty_is_named(tmp_path: Path) -> None:
    (tmp_path / "none.txt").write_text("12\n\n")
    for name in ("none.txt", "missing.txt"):
        with pytest.raises(
            ValueError, match=rf"Expected the task's `words` to be a .*file with a word a line.*{name}"
        ):
            read_words(str(tmp_path / name))


def test_rows_with_other_words_are_counted_and_the_list_is_in_the_caches_key(
    tokenizer: Any, tmp_path: Path
) -> None:
    table = [
        ["question", "answer"],
        *[[f"red {number}", "blue"] for number in range(40)],
        ["green", "blue"],
        ["red", "black"],
    ]
    write_csv(tmp_path / "colours.csv", table)
    task = tmp_path / "colours.yaml"
    task.write_text(
        "source: colours.csv\nwords: few.txt\ninput: {column: question}\noutput: {column: answer}\n"
    )
    (tmp_path / "few.txt").write_text("Red\nblue\n")
    assert load_task(str(task)).words == str(tmp_path / "few.txt")

    def read() -> TaskData:
        data = TaskData(tokenizer, task=str(task), cache_dir=str(tmp_path / "cache"))
        data.prepare_sides(("train",), keep_small=True)
        return data

    data = read()
    assert data.report["kept"][0]["kept"] == 40
    assert [row.line for row in data.aside["fit"]] == [42, 43]
    assert {row.reason for row in data.aside["fit"]} == {f"uses other words than {tmp_path / 'few.txt'}"}
    assert json.dumps(read().report) == json.dumps(data.report)
    (tmp_path / "few.txt").write_text("red blue green\n")
    assert read().report["kept"][0]["kept"] == 41
