from __future__ import annotations

from dataclasses import asdict
from typing import Any

import pytest

from datamodules.choices import Choices, build_choices, list_options
from datamodules.flag_tasks import choose_tasks
from datamodules.tasks import build_task

SIDES = {"input": {"column": "smiles"}, "output": {"column": "toxic"}}


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ([0, 1], Choices(("0", "1"))),
        ("crosses, stays out", Choices(("crosses", "stays out"))),
        ("auto", Choices(auto=True)),
        ({"column": "options", "shown": True}, Choices(column="options", shown=True)),
        ({"options": ["a", "b"], "column": None, "auto": False, "shown": False}, Choices(("a", "b"))),
        ("none", None),
        (None, None),
    ],
)
def test_choices_are_built_from_what_users_write(content: Any, expected: Choices | None) -> None:
    assert build_choices(content) == expected
    if expected is not None:  # what is saved reads back equal
        assert build_choices(asdict(expected)) == expected


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (["a"], "at least two different answers, but got 'a'"),
        (["a", "a"], "at least two different answers"),
        (["a", " b"], "without white space at their ends"),
        ({"colum": "x"}, "unknown key 'colum'"),
        ({"column": "x", "options": ["a", "b"]}, "either a list of answers"),
        ({}, "either a list of answers"),
        (7, "expected a list of answers"),
        ({"options": "ab"}, "expected a list of answers, but got 'ab'"),
    ],
)
def test_what_are_no_choices_is_told_in_one_line(content: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        build_choices(content)
    assert "\n" not in str(caught.value)
    with pytest.raises(ValueError, match=r"task.yaml: choices: "):
        build_task({**SIDES, "choices": content}, "task.yaml")


def test_flags_take_the_place_of_a_tasks_choices() -> None:
    [task], _ = choose_tasks("smiles_to_iupac", choices="yes,no")
    assert task.choices == Choices(("yes", "no"))
    assert task.kind == "choices"
    tasks, _ = choose_tasks(None, "smiles", "a,b", choices={"b": ["0", "1"]}, digits={"a": 2})
    assert [one.choices for one in tasks] == [None, Choices(("0", "1"))]
    assert [one.output.digits for one in tasks] == [2, None]


def test_many_options_are_abbreviated() -> None:
    assert list_options([str(number) for number in range(20)]) == "0, 1, 2, 3, 4, ... 19"


@pytest.mark.parametrize(
    ("given", "column", "template", "columns"),
    [
        ({"columns": ["context", "q"]}, "context,q", "{context}\n{q}", ["context", "q"]),
        ({"template": "{q}: {context}"}, "q,context", "{q}: {context}", ["q", "context"]),
        ({"columns": ["a"]}, "a", "", ["a"]),
        ({"column": "a"}, "a", "", ["a"]),
    ],
)
def test_a_side_may_have_several_columns(given: Any, column: str, template: str, columns: list[str]) -> None:
    task = build_task({**SIDES, "input": given}, "task.yaml")
    assert (task.input.column, task.input.template, task.input.columns) == (column, template, columns)
    assert build_task(asdict(task), "task.yaml").input == task.input  # as patois.json holds it
    with pytest.raises(ValueError, match="expected `template` to name each of a, b"):
        build_task({**SIDES, "input": {"columns": ["a", "b"], "template": "{a}"}}, "task.yaml")
    with pytest.raises(ValueError, match="expected `columns` to be a list"):
        build_task({**SIDES, "input": {"columns": "a,b"}}, "task.yaml")


def test_flags_may_name_several_input_columns() -> None:
    [task], _ = choose_tasks(None, "context,question", "answer")
    assert task.name == "context_question_to_answer"
    assert task.input.columns == ["context", "question"]
    assert task.instructions == ("Give the answer for this context and question.",)
    [changed], _ = choose_tasks("smiles_to_iupac", "a,b")
    assert changed.input.columns == ["a", "b"]
    [back], _ = choose_tasks("smiles_to_iupac", "a")
    assert back.input.columns == ["a"]
