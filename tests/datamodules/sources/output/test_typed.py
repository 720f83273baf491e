from __future__ import annotations

from io import BytesIO
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from datamodules.sources.lookup import load_source
from datamodules.sources.output.typed import append_columns, own_values, write_parquet, write_xlsx


def test_parquet_keeps_types_and_the_order_of_lines(tmp_path: Path) -> None:
    path = tmp_path / "in.parquet"
    pq.write_table(pa.table({"n": pa.array([1, 2], pa.int8()), "t": ["a", None]}), path)
    values = own_values(path, None, [2, 1])
    assert values.schema.field("n").type == pa.int8()
    assert values.to_pylist() == [{"n": 2, "t": None}, {"n": 1, "t": "a"}]


def test_rows_that_could_not_be_read_are_empty(tmp_path: Path) -> None:
    path = tmp_path / "in.csv"
    path.write_text("a,b\n1,2\n3\n")
    rows = load_source(str(path))
    assert own_values(path, rows, [2, 3]).to_pylist() == [{"a": "1", "b": "2"}, {"a": None, "b": None}]


def test_our_columns_stand_behind_and_empty_ones_are_texts() -> None:
    table = append_columns(pa.table({"a": [1]}), {"reason": "reason_2", "score": "score"}, [{"score": 0.5}])
    assert table.to_pylist() == [{"a": 1, "reason_2": None, "score": 0.5}]
    assert table.schema.field("reason_2").type == pa.string()
    file = BytesIO()
    write_parquet(table, file)
    assert pq.read_table(file).equals(table)


def test_text_that_begins_like_a_formula_stays_text_in_excel() -> None:
    openpyxl = pytest.importorskip("openpyxl")

    records = [{"prediction": "=1+1"}]
    data = write_xlsx(None, pa.table({"a": ["=2"]}), {"prediction": "prediction"}, records)
    sheet = openpyxl.load_workbook(BytesIO(data)).active
    assert [[cell.value for cell in row] for row in sheet.iter_rows()] == [
        ["a", "prediction"],
        ["=2", "=1+1"],
    ]
    assert [sheet.cell(2, place).data_type for place in (1, 2)] == ["s", "s"]
