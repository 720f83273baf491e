from __future__ import annotations

from pathlib import Path

import pytest

from datamodules.flag_tasks import (
    choose_tasks,
    find_open_sides,
    name_only_column,
    task_for_columns,
    task_from_columns,
)
from datamodules.tasks import load_task


def test_task_is_made_of_two_columns() -> None:
    tasks, weights = choose_tasks(None, "my_smiles", "boiling_point", None, "number")
    assert weights is None
    assert tasks == [task_from_columns("my_smiles", "boiling_point", "smiles", "number")]
    assert tasks[0].input.notation == "smiles"
    assert "boiling_point" in tasks[0].instructions[0]


def test_default_task_is_to_name_small_molecules() -> None:
    tasks, _ = choose_tasks(None)
    assert [task.name for task in tasks] == ["name_small_molecules"]


def test_column_flags_take_the_place_of_the_tasks_columns() -> None:
    (task,), _ = choose_tasks("smiles_to_iupac", input_column="structure")
    assert task.input.column == "structure"
    assert task.input.notation == "smiles"
    # The identity stood in a column of the built-in table, which another table need not have.
    assert task.identity is None


def test_column_flags_with_several_tasks_are_an_error() -> None:
    with pytest.raises(ValueError, match="can be changed for one task, but 2 are given"):
        choose_tasks("smiles_to_iupac,iupac_to_smiles", input_column="x")


def test_task_to_predict_is_the_one_whose_input_column_the_table_has() -> None:
    both = [load_task(name) for name in ("smiles_to_iupac", "iupac_to_smiles")]
    assert task_for_columns(both, ["id", "iupac"]).name == "iupac_to_smiles"
    assert task_for_columns(both, ["smiles"]).name == "smiles_to_iupac"
    assert task_for_columns(both, ["ID", "SMILES"]).name == "smiles_to_iupac"
    assert task_for_columns(both[:1], ["id"]).name == "smiles_to_iupac", (
        "the only one, which then tells what is missing"
    )


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (
            ["smiles", "iupac"],
            r"the input columns of several; .* smiles_to_iupac \(column 'smiles'\), iupac_to_smiles",
        ),
        (["mol"], r"the columns 'mol'; choose with --data.task, .*--data.input_column mol"),
    ],
)
def test_table_that_fits_no_or_several_tasks_is_an_error(columns: list[str], message: str) -> None:
    both = [load_task(name) for name in ("smiles_to_iupac", "iupac_to_smiles")]
    with pytest.raises(ValueError, match=message):
        task_for_columns(both, columns)


def test_a_task_that_only_trains_is_asked_nothing() -> None:
    mixed = [load_task("iupac_to_smiles"), load_task("made_to_smiles")]
    assert task_for_columns(mixed, ["iupac"]).name == "iupac_to_smiles"
    assert task_for_columns(mixed[1:], ["iupac"]).name == "made_to_smiles"
    assert name_only_column(mixed, ["column_1"]) == ["iupac"]


def test_the_columns_of_a_masked_task_are_one(tmp_path: Path) -> None:
    for given in ({}, {"output_column": "mol"}):
        (task,), _ = choose_tasks("fill_smiles", input_column="mol", **given)
        assert (task.input.column, task.output.column, task.identity) == ("mol", "mol", None)
    (task,), _ = choose_tasks("fill_smiles", input_column="mol", input_notation="selfies")
    assert (task.input.notation, task.output.notation) == ("selfies", "selfies")
    with pytest.raises(
        ValueError, match=r"leave out --data.output_column name, and give --data.input_column"
    ):
        choose_tasks("fill_smiles", input_column="mol", output_column="name")
    with pytest.raises(ValueError, match=r"`mask: spans` cuts texts .*'text' has none"):
        choose_tasks("fill_smiles", input_column="mol", input_notation="text")
    with pytest.raises(ValueError, match=r"has one input column, but got --data.input_column a,b"):
        choose_tasks("fill_smiles", input_column="a,b")
    with pytest.raises(ValueError, match=r"--data.choices: the task 'fill_smiles' has `mask`"):
        choose_tasks("fill_smiles", choices=["C", "N"])


def test_digits_of_a_column_make_it_a_column_of_numbers() -> None:
    [task], _ = choose_tasks(None, "a", "b", digits=0)
    assert (task.output.notation, task.output.digits) == ("number", 0)
    assert find_open_sides(None, "a", "b", None, None, digits=0) == ("input",)
    one, two = choose_tasks(None, "a", "b,c", digits={"c": 1})[0]
    assert (one.output.notation, two.output.notation) == ("text", "number")
    with pytest.raises(ValueError, match=r"Expected --data.digits to be 0 or more, but got -3"):
        choose_tasks(None, "a", "b", digits=-3)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (("a,a", "b"), "--data.input_column to name each column once, but got a, a"),
        (("a", "b,b"), "--data.output_column to name each column once, but got b, b"),
        (("a,b", "b"), "got 'b' in both: the answer would stand in the question"),
    ],
)
def test_a_column_stands_once(columns: tuple[str, str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        choose_tasks(None, *columns)
    choose_tasks(None, "smiles", "smiles", output_notation="selfies")  # another notation of one column
