from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from datamodules.rows.columns.tables import first_of, locate_columns, read_column, read_side
from datamodules.sources.rows import Rows
from datamodules.storage.text_columns import TextLists
from datamodules.tasks import Side


def rows_of(columns: dict[str, list]) -> Rows:
    table = pa.table(columns)
    return Rows(table, np.arange(2, table.num_rows + 2), "mols.csv", [], False, table.num_rows)


def test_read_column_finds_a_name_in_another_case_and_lists_those_that_exist() -> None:
    rows = rows_of({"SMILES": ["C", None], "mw": [16.0, 30.0]})
    assert list(read_column(rows, "smiles", "input")) == ["C", ""]
    assert list(read_column(rows, "mw", "output")) == ["16", "30"]
    with pytest.raises(
        ValueError,
        match=r"--data.input_column 'SMILE' is not a column of mols.csv \(columns: SMILES, mw\)\. Did you mean",
    ):
        read_column(rows, "SMILE", "input")


def test_several_columns_become_one_text_that_is_empty_where_all_are() -> None:
    rows = rows_of({"a": ["x", ""], "b": ["yy", None]})
    side = Side("a", template="{a} of {b}")
    assert list(read_side(rows, side, "input")) == ["x of yy", ""]
    assert locate_columns(rows, side)[0].tolist() == [[0, 1], [5, 7]]


def test_of_a_list_the_first_text_is_taken() -> None:
    column = read_column(rows_of({"names": [["a", "b"], []]}), "names", "input")
    assert isinstance(column, TextLists)
    assert list(first_of(column)) == ["a", ""]
