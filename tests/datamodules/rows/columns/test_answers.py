from __future__ import annotations

from dataclasses import replace

import pyarrow as pa
import pytest

from datamodules.choices import Choices
from datamodules.rows.columns.answers import check_choices, read_choices
from datamodules.rows.task_rows import read_task
from datamodules.sources.rows import built_in
from datamodules.storage.text_columns import TextLists
from datamodules.tasks import Side, Task

QUESTIONS = pa.table(
    {
        "question": ["q1", "q2", "q3", "q4"],
        "options": ["a| b ", "b|c|d", "x", "a|b"],
        "json": ['["a", "b"]', ' ["b","c","d"]', '["x"]', '["a","b"]'],
        "listed": [["a", "b"], ["b", "c", "d"], [], ["a", "b"]],
        "answer": ["b", "c", "x", "c"],
    }
)


@pytest.mark.parametrize("column", ["options", "json", "listed"])
def test_rows_may_have_choices_of_their_own(column: str) -> None:
    task = Task("t", Side("question"), Side("answer"), choices=Choices(column=column))
    rows = read_task(task, built_in("t", QUESTIONS))
    assert [rows.options(place) for place in range(len(rows))] == [("a", "b"), ("b", "c", "d")]
    assert [row.reason for row in rows.set_aside] == [
        f"{column}: expected two or more different choices",
        "answer: 'c' is not one of the choices (a, b)",
    ]
    fewer = rows.without({0: "because"})
    assert fewer.options(0) == ("b", "c", "d")


def test_questions_to_predict_need_their_choices_but_no_answer() -> None:
    task = Task("t", Side("question"), Side("answer"), choices=Choices(column="options"))
    rows = read_task(task, built_in("t", QUESTIONS.drop_columns(["answer"])), with_output=False)
    assert len(rows) == 3
    with pytest.raises(ValueError, match=r"choices: 'options' is not a column of t \(columns: question\)"):
        read_task(task, built_in("t", QUESTIONS.select(["question"])), with_output=False)


def test_an_answer_outside_the_choices_is_set_aside() -> None:
    table = pa.table({"smiles": ["C", "CC", "CCC"], "toxic": ["0", "maybe", ""]})
    task = Task("t", Side("smiles"), Side("toxic"), choices=Choices(("0", "1")))
    rows = read_task(task, built_in("t", table))
    assert list(rows.outputs) == ["0"]
    assert [row.reason for row in rows.set_aside] == [
        "toxic: 'maybe' is not one of the choices (0, 1)",
        "toxic: empty output",
    ]


def test_numbers_are_rounded_to_the_tasks_digits() -> None:
    table = pa.table({"smiles": ["C", "CC", "CCC"], "mp": ["-182.456", "n. a.", "1e2"]})
    task = Task("t", Side("smiles"), Side("mp", "number", digits=1, unit="°C"))
    rows = read_task(task, replace(built_in("t", table), verified=False))
    assert list(rows.outputs) == ["-182.5", "100.0"]
    assert [row.reason for row in rows.set_aside] == ["mp: whitespace"]


def test_no_choices_mean_no_reasons() -> None:
    assert check_choices(None, None, "x", None, 3) == {}
    assert read_choices(built_in("t", QUESTIONS), None) is None
    assert check_choices(Choices(column="o"), TextLists.of([["a", "b"]]), "x", None, 1) == {}


def test_any_of_several_right_answers_is_right_and_they_keep_their_rows() -> None:
    table = pa.table(
        {"q": ["a", "", "c"], "answers": ["x; y", "z", "w"], "listed": [["x", "y"], ["z"], ["w"]]}
    )
    for side in (Side("answers", "answer", separator=";"), Side("listed", "answer")):
        rows = read_task(Task("t", Side("q"), side), built_in("t", table))
        assert list(rows.outputs) == ["x", "w"]
        assert rows.others is not None
        assert [rows.others[0], rows.others[1]] == [["y"], []]
    plain = read_task(Task("t", Side("q"), Side("answers")), built_in("t", table))
    assert list(plain.outputs) == ["x; y", "w"]
    assert plain.others is None


def test_several_columns_make_one_input() -> None:
    table = pa.table({"q": ["What?", ""], "context": ["It {q} rains.", ""], "a": ["rain", "x"]})
    side = Side("context,q", template="{context} Q: {q}")
    rows = read_task(Task("t", side, Side("a")), built_in("t", table))
    assert list(rows.inputs) == ["It {q} rains. Q: What?"]
    assert [row.reason for row in rows.set_aside] == ["context,q: empty input"]
    with pytest.raises(ValueError, match=r"--data.input_column 'nope' is not a column"):
        read_task(Task("t", Side("nope,q", template="{nope}{q}"), Side("a")), built_in("t", table))
