from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from datamodules.rows.columns.answers import fill_template, locate_cells
from datamodules.sequence_task import SequenceTaskDataModule
from datamodules.storage.text_columns import as_strings
from datamodules.task_data import TaskData
from datamodules.tasks import Side, Task
from datamodules.texts.windows import ANSWER_SHARE, check_window_column, find_answer, find_windows
from tests.helpers.small_tables import write_csv

LENGTH = 128
WORDS = [f"word{number}" for number in range(60)]
LONG = " ".join(WORDS)


def write_passages(folder: Path) -> str:
    """Passages and questions; the answer of a long one stands at its beginning, in its middle, at its end, or nowhere."""
    rows = [["context", "question", "answer", "split"]]
    for number, side in enumerate(["train"] * 12 + ["val"] * 4 + ["test"] * 8):
        word = WORDS[(0, 30, 59)[number % 3]]
        rows.append([f"{LONG} {number}", f"Which is {word}?", word if number % 4 else "absent", side])
        rows.append([f"word{number} short", f"Which is {number}?", "short", side])
    return write_csv(folder / "passages.csv", rows)


def read(tokenizer: Any, folder: Path, **options: Any) -> TaskData:
    settings = {
        "source": write_passages(folder), "input_column": "context,question", "output_column": "answer",
        "input_notation": "text", "output_notation": "answer", "format": "labels", "split_column": "split",
        "max_length": LENGTH, "cache": False, "window_column": "context",
    }  # fmt: skip
    data = TaskData(tokenizer, **{**settings, **options})
    data.prepare_sides(("train", "val"))
    return data


@pytest.mark.parametrize("stride", [1, 3, 7, 99])
def test_windows_leave_no_piece_out_and_none_is_too_large(stride: int) -> None:
    counts = np.random.default_rng(stride).integers(0, 6, size=80).tolist()
    found = find_windows(counts, 9, stride)
    assert found[0][0] == 0
    assert found[-1][1] == len(counts)
    assert all(sum(counts[first:behind]) <= 9 for first, behind in found)
    assert all(one[0] < other[0] <= one[1] for one, other in pairwise(found))


def test_an_answer_is_first_looked_for_as_whole_words() -> None:
    assert find_answer("redder red", "red") == (7, 10)
    assert find_answer("redder", "red") == (0, 3)
    assert find_answer("a", "") is None


@pytest.mark.parametrize("template", ["{a}\n{b}", "  Q: {b} C: {a} {b}", "{a}{b}"])
def test_cells_are_where_the_template_puts_them(template: str) -> None:
    columns = {"a": as_strings(["x ß𝄞 ", "", "  y"]), "b": as_strings(["?", " ", ""])}
    filled = fill_template(template, columns)
    places = locate_cells(template, columns, filled)
    for row, text in enumerate(filled.to_pylist()):
        for number, name in enumerate(columns):
            start, end = places[row, number].tolist()
            cell = columns[name][row].as_py()
            assert text.strip()[start:end].strip() == cell.strip()


def test_training_takes_the_window_that_holds_the_answer(tokenizer: Any, tmp_path: Path) -> None:
    data = read(tokenizer, tmp_path)
    assert len(data.sides["train"].places) == data.report["rows"]["train"] == 24
    assert not data.set_aside("fit")
    for index in range(24):
        row, encoded = data.sides["train"].row(index), data.sides["train"].encoded
        text = tokenizer.decode(encoded.prompt(index).tolist())
        assert len(encoded.example(index)) <= LENGTH
        assert row.windows == 0 or row.windows > 2
        question = row.input.split("\n")[1]
        assert question in text
        assert row.target is not None
        if row.target == "absent":
            assert row.window == 1
        else:
            assert f" {row.target} " in f" {text.split(question)[0]} ".replace("\n", " ")
    rows = [data.sides["train"].row(index) for index in range(24)]
    assert {row.window for row in rows if row.windows} > {1}
    assert [row.index for row in rows] == list(range(24))


def test_evaluation_asks_each_window_once_and_they_hold_the_whole_column(
    tokenizer: Any, tmp_path: Path
) -> None:
    data, plain = read(tokenizer, tmp_path), read(tokenizer, tmp_path, window_column=None, max_length=10_000)
    assert data.sides["val"].num_rows == 8
    assert [vars(data.sides["val"].row(n))["input"] for n in range(8)] == [
        plain.sides["val"].row(n).input for n in range(8)
    ]
    for index in range(8):
        prompts = data.sides["val"].asked_as(index)
        rows = [data.sides["val"].row(prompt) for prompt in prompts]
        assert {row.index for row in rows} == {index}
        assert sorted(row.window for row in rows) == (
            list(range(1, rows[0].windows + 1)) if rows[0].windows else [0]
        )
        if rows[0].windows:
            context, question = rows[0].input.split("\n")
            asked = {row.window: row.asked or "" for row in rows}
            assert all(text.endswith(f"\n{question}") for text in asked.values())
            starts = [context.index(asked[window].split("\n")[0]) for window in sorted(asked)]
            ends = [start + len(asked[n + 1].split("\n")[0]) for n, start in enumerate(starts)]
            assert starts[0] == 0
            assert ends[-1] == len(context)
            assert all(start <= end + 1 for start, end in zip(starts[1:], ends, strict=False))
    lengths = data.sides["val"].encoded.prompt_lengths
    assert lengths.max() <= LENGTH
    assert (
        sum((data.sides["val"].encoded.labels(n) >= 0).any() for n in range(len(data.sides["val"].places)))
        == 8
    )
    assert len(data.sides["val"].answer_lengths()) == 8


def test_windows_depend_on_no_answer(tokenizer: Any, tmp_path: Path) -> None:
    data = read(tokenizer, tmp_path)
    data.read_questions(str(tmp_path / "passages.csv"))
    asked: dict[str, set[str | None]] = {}
    for stage in ("val", "predict"):
        for prompt in range(len(data.sides[stage].places)):
            row = data.sides[stage].row(prompt)
            asked.setdefault(f"{stage} {row.input}", set()).add(row.asked)
    assert data.sides["predict"].num_rows == 48
    for key, texts in asked.items():
        if key.startswith("val"):
            assert texts == asked[key.replace("val", "predict", 1)]


def test_a_smaller_stride_makes_more_windows(tokenizer: Any, tmp_path: Path) -> None:
    counts = [
        len(read(tokenizer, tmp_path, window_stride=stride).sides["val"].places) for stride in (4, None, 1000)
    ]
    assert counts[0] > counts[1] > counts[2] > 8


def test_audits_and_records_see_whole_inputs(tokenizer: Any, tmp_path: Path) -> None:
    data = read(tokenizer, tmp_path)
    [texts] = data.side_texts("train")
    assert sorted(texts.inputs) == sorted(data.sides["train"].row(index).input for index in range(24))
    assert sum(LONG in text for text in texts.inputs) == 12


def test_text_without_white_space_is_cut_anywhere(tokenizer: Any, tmp_path: Path) -> None:
    rows = [
        ["dna", "kind", "split"],
        *[["ACGT" * 90 + "AC" * n, "x", "train"] for n in range(4)],
        ["AC", "x", "val"],
    ]
    source = write_csv(tmp_path / "dna.csv", rows)
    data = read(
        tokenizer, tmp_path, source=source, input_column="dna", output_column="kind", output_notation="text",
        window_column="dna", choices="none",
    )  # fmt: skip
    assert len(data.sides["train"].places) == 4
    assert data.sides["train"].row(0).windows > 2


def test_cached_rows_have_the_same_windows(tokenizer: Any, tmp_path: Path) -> None:
    found = []
    for _ in range(2):
        data = read(tokenizer, tmp_path, cache=True, cache_dir=str(tmp_path / "cache"))
        data.cache.least_rows = 0
        found.append([data.sides["val"].row(prompt) for prompt in range(len(data.sides["val"].places))])
    assert found[0] == found[1]
    first = TaskData(
        tokenizer, source=f"{tmp_path}/passages.csv", input_column="context,question", output_column="answer",
        input_notation="text", output_notation="answer", format="labels", split_column="split", max_length=LENGTH,
        window_column="context", cache_dir=str(tmp_path / "cache2"),
    )  # fmt: skip
    first.prepare_sides(("train", "val"), keep_small=True)
    again = read(tokenizer, tmp_path, cache=True, cache_dir=str(tmp_path / "cache2"))
    assert (first.sides["train"].encoded.ids == again.sides["train"].encoded.ids).all()
    assert [again.sides["val"].row(n) for n in range(len(again.sides["val"].places))] == found[0]


def test_every_batch_of_an_evaluation_is_laid_out(tokenizer: Any, tmp_path: Path) -> None:
    settings = {
        "source": write_passages(tmp_path), "input_column": "context,question", "output_column": "answer",
        "input_notation": "text", "output_notation": "answer", "format": "labels", "split_column": "split",
        "max_length": LENGTH, "cache": False, "window_column": "context", "eval_batch_size": 5,
    }  # fmt: skip
    module = SequenceTaskDataModule(tokenizer, **settings)
    module.setup("validate")
    seen = [index for batch in module.val_dataloader() for index in batch["row_index"].tolist() if index >= 0]
    assert sorted(seen) == list(range(module.num_asked("val")))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"window_column": "contxt"}, r"column of an input \(context, question\).* Did you mean 'context'"),
        ({"shots": 2}, r"without demonstrations.* got --data\.shots 2"),
        ({"loss_on": "all"}, r"got --data\.loss_on all"),
        ({"ask": "all", "format": "plain"}, r"got --data\.ask all"),
        ({"window_column": None, "window_stride": 3}, r"--data\.window_stride 3 needs the column"),
        ({"window_stride": 0}, r"window_stride to be at least 1"),
        ({"input_notation": "iupac"}, r"notation text, but the input is iupac"),
    ],
)
def test_what_cannot_work_is_refused(
    tokenizer: Any, tmp_path: Path, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        read(tokenizer, tmp_path, **options)


def test_a_row_whose_question_leaves_no_room_is_skipped_as_before(tokenizer: Any, tmp_path: Path) -> None:
    rows = [
        ["context", "question", "answer", "split"],
        ["a b", " ".join(WORDS), "a", "train"],
        ["a", "b", "a", "val"],
    ]
    data = read(
        tokenizer, tmp_path, source=write_csv(tmp_path / "long.csv", rows), input_column="context,question"
    )
    [aside] = data.set_aside("fit")
    assert f"longer than --data.max_length {LENGTH}" in aside.reason


def test_a_row_that_leaves_room_for_an_answer_is_asked_as_a_whole(tokenizer: Any, tmp_path: Path) -> None:
    data = read(tokenizer, tmp_path)
    for prompt in range(len(data.sides["val"].places)):
        whole = not data.sides["val"].row(prompt).windows
        if whole:
            assert data.sides["val"].encoded.prompt_lengths[prompt] <= LENGTH - LENGTH // ANSWER_SHARE


def test_a_masked_input_has_no_windows() -> None:
    side = Side("a", "text", mask="damage")
    with pytest.raises(
        ValueError, match=r"to stand once in an input of the notation text, but the input is masked"
    ):
        check_window_column([Task("repair", side, Side("a", "text"))], "a")
