from __future__ import annotations

import datetime
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from datamodules.sources.rows import Rows
from datamodules.sources.tables.read import load


def read(folder: Path, table: pa.Table, **options: int) -> Rows:
    pq.write_table(table, folder / "rows.parquet", **options)
    return load(folder / "rows.parquet")


def test_typed_columns_become_text(tmp_path: Path) -> None:
    table = pa.table(
        {
            "text": ["a", None],
            "number": [1, None],
            "flag": [True, False],
            "float": [1.5, 2.25],
            "day": [datetime.date(2024, 2, 29), None],
            "category": pa.array(["x", "y"]).dictionary_encode(),
            "large": pa.array(["x", "y"], pa.large_string()),
            "bytes": [b"ab", None],
            "list": [["p", None], None],
            "numbers": [[1, 2], []],
        }
    )
    rows = read(tmp_path, table)
    assert rows.table.to_pylist() == [
        {
            "text": "a", "number": "1", "flag": "true", "float": "1.5", "day": "2024-02-29", "category": "x", "large": "x",
            "bytes": "ab", "list": ["p", ""], "numbers": ["1", "2"],
        },
        {
            "text": "", "number": "", "flag": "false", "float": "2.25", "day": "", "category": "y", "large": "y",
            "bytes": "", "list": [], "numbers": [],
        },
    ]  # fmt: skip
    lists = {"list", "numbers"}
    assert all(
        field.type == (pa.list_(pa.string()) if field.name in lists else pa.string())
        for field in rows.table.schema
    )
    assert rows.lines.tolist() == [1, 2]


def test_an_object_becomes_its_json_text(tmp_path: Path) -> None:
    rows = read(tmp_path, pa.table({"a": [{"b": [1, 2], "c": "é"}, None]}))
    assert [json.loads(text or "null") for text in rows.table["a"].to_pylist()] == [
        {"b": [1, 2], "c": "é"},
        None,
    ]


def test_bytes_that_are_no_text_are_set_aside(tmp_path: Path) -> None:
    rows = read(tmp_path, pa.table({"a": [b"x", b"\xff", b"y"], "b": ["1", "2", "3\0"]}))
    assert rows.table.to_pydict() == {"a": ["x"], "b": ["1"]}
    assert [(item.line, item.reason) for item in rows.set_aside] == [
        (2, "not UTF-8 in column 'a'"),
        (3, "NUL character in column 'b'"),
    ]


def test_text_that_is_not_utf8_is_set_aside(tmp_path: Path) -> None:
    broken = pa.array([b"x", b"\xed\xa0\x80"]).view(pa.string())  # some writers do not check
    rows = read(tmp_path, pa.table({"a": broken}))
    assert rows.table.to_pydict() == {"a": ["x"]}
    assert [item.reason for item in rows.set_aside] == ["not UTF-8 in column 'a'"]


def test_row_groups_are_joined_with_the_numbers_of_the_rows(tmp_path: Path) -> None:
    rows = read(
        tmp_path, pa.table({"a": [b"%d" % n if n != 5 else b"\xff" for n in range(10)]}), row_group_size=3
    )
    assert rows.table["a"].to_pylist() == [str(n) for n in range(10) if n != 5]
    assert rows.lines.tolist() == [n + 1 for n in range(10) if n != 5]
    assert rows.set_aside[0].line == 6


def test_a_broken_row_group_leaves_the_others(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    table = pa.table({"a": [f"text {n}" for n in range(3000)]})
    pq.write_table(table, path, row_group_size=1000, compression="zstd", use_dictionary=False)
    content = bytearray(path.read_bytes())
    middle = pq.ParquetFile(path).metadata.row_group(1).column(0).data_page_offset
    content[middle : middle + 200] = b"\xff" * 200
    path.write_bytes(content)
    rows = load(path)
    assert rows.table["a"].to_pylist() == [f"text {n}" for n in [*range(1000), *range(2000, 3000)]]
    assert [item.line for item in rows.set_aside] == list(range(1001, 2001))
    assert rows.set_aside[0].reason.startswith("row group 2 cannot be read")


def test_a_cut_file_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    pq.write_table(pa.table({"a": ["x"] * 1000}), path)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(
        ValueError, match="nothing of a file that was cut off can be saved: copy or write it again"
    ):
        load(path)


def test_no_rows_are_no_error(tmp_path: Path) -> None:
    rows = read(tmp_path, pa.table({"a": pa.array([], pa.int64())}))
    assert (rows.total, rows.table.schema.field("a").type) == (0, pa.string())


def test_columns_with_one_name_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"these come twice: \['a'\]"):
        read(tmp_path, pa.table([["x"], ["y"]], names=["a", "a"]))
