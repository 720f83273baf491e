from __future__ import annotations

import pandas
import pyarrow as pa
import pytest

from cli.asking.answers import Answer, Answers, read_texts

ANSWER = Answer("ethanol", 0.5, True, "back", None)


def test_answers_stand_behind_the_columns_of_the_question() -> None:
    asked = pa.table({"id": ["007"], "text": ["kept"]})
    table = Answers([ANSWER], asked).to_table()
    assert table.to_pylist() == [
        {"id": "007", "text": "kept", "text_2": "ethanol", "probability": 0.5, "valid": True, "verified": "back", "why": None}
    ]  # fmt: skip


@pytest.mark.parametrize(
    "table", [pa.table({"id": ["1"], "smi": ["CCO"]}), pandas.DataFrame({"id": ["1"], "smi": ["CCO"]})]
)
def test_column_of_a_table_is_asked(table: object) -> None:
    texts, asked = read_texts(table, "smi", "smiles")
    assert texts == ["CCO"]
    assert asked.column_names[:2] == ["id", "smi"]


def test_only_column_and_missing_cells() -> None:
    texts, _ = read_texts(pa.table({"anything": ["CCO", None]}), None, "smiles")
    assert texts == ["CCO", ""]


def test_list_of_texts_becomes_a_table_of_inputs() -> None:
    texts, asked = read_texts(["CCO", None, float("nan"), 7], None, "smiles")
    assert texts == ["CCO", "", "", "7"]
    assert asked.column_names == ["input"]


@pytest.mark.parametrize(
    ("given", "column", "told"),
    [
        ("CCO", None, "Expected a list of texts, but got a single text"),
        (["CCO"], "smi", "Expected a table where a column"),
        (pa.table({"a": ["x"], "b": ["y"]}), "c", "Expected column= to be one of a, b, but got 'c'"),
    ],
)
def test_what_cannot_be_asked_is_told(given: object, column: str | None, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        read_texts(given, column, "smiles")
