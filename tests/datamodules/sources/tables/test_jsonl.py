from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pytest

from datamodules.sources.rows import Rows
from datamodules.sources.tables.read import load


def read(folder: Path, content: bytes) -> Rows:
    path = folder / "rows.jsonl"
    path.write_bytes(content)
    return load(path)


def test_values_become_text_as_they_are_spelled(tmp_path: Path) -> None:
    rows = read(
        tmp_path, b'{"a": "x", "b": 1.50, "c": true, "d": null}\n{"a": 7, "b": NaN, "c": false, "d": "y"}'
    )
    assert rows.table.to_pylist() == [
        {"a": "x", "b": "1.50", "c": "true", "d": ""},
        {"a": "7", "b": "", "c": "false", "d": "y"},
    ]


def test_a_whole_number_of_any_length(tmp_path: Path) -> None:
    assert read(tmp_path, b'{"a": ' + b"9" * 5000 + b"}").table["a"][0].as_py() == "9" * 5000


def test_missing_keys_are_empty(tmp_path: Path) -> None:
    rows = read(tmp_path, b'{"a": "1"}\n{"b": "2"}\n{"l": ["x", 3]}\n{"a": "4"}\n')
    assert rows.table.to_pydict() == {
        "a": ["1", "", "", "4"],
        "b": ["", "2", "", ""],
        "l": [[], [], ["x", "3"], []],
    }
    assert rows.table.schema.field("l").type == pa.list_(pa.string())


def test_an_object_inside_becomes_its_json_text(tmp_path: Path) -> None:
    rows = read(tmp_path, '{"a": {"b": [1, 2.5, "é"]}, "c": [[1], 2]}'.encode())
    assert [json.loads(rows.table[name][0].as_py()) for name in "ac"] == [{"b": [1, 2.5, "é"]}, [[1], 2]]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"{", "invalid JSON"),
        (b"a,b", "invalid JSON"),
        (b"[1, 2]", "a JSON list, expected an object"),
        (b'"text"', "a JSON value, expected an object"),
        (b"null", "a JSON value, expected an object"),
        (b" ", "empty row"),
        (b"\r", "empty row"),
        (b'{"a": "\xff"}', "not UTF-8"),
        (b'{"a": "\0"}', "NUL character"),
        (b'{"a": "\\u0000"}', "NUL character"),
        (b'{"a": "\\ud800"}', "lone surrogate"),
        (b'{"\\ud800": "a"}', "lone surrogate"),
        (b'{"l": ["\\udfff"]}', "lone surrogate"),
        (b'{"a": {"b": "\\udfff"}}', "lone surrogate"),
        (b'{"a": ["x"]}', "column 'a' holds a list, expected a text as before"),
        (b'{"l": "x"}', "column 'l' holds a text, expected a list as before"),
        (b"[" * 100_000, "JSON is nested too deeply"),
        (b'{"a": ' * 100_000, "JSON is nested too deeply"),
        (json.dumps({str(number): "" for number in range(1001)}).encode(), "more than 1000 columns"),
    ],
)
def test_a_bad_line_is_set_aside_and_its_neighbours_stay(tmp_path: Path, line: bytes, reason: str) -> None:
    rows = read(tmp_path, b'{"a": "1", "l": ["x"]}\n' + line + b'\n{"a": "2", "l": []}\n')
    assert rows.table.to_pydict() == {"a": ["1", "2"], "l": [["x"], []]}
    assert rows.lines.tolist() == [1, 3]
    (item,) = rows.set_aside
    assert item.line == 2
    assert item.reason.startswith(reason)


def test_a_pair_of_surrogates_is_one_character(tmp_path: Path) -> None:
    assert read(tmp_path, b'{"a": "\\ud83d\\ude00"}').table["a"][0].as_py() == "\U0001f600"


def test_line_separators_inside_of_texts_end_no_line(tmp_path: Path) -> None:
    rows = read(tmp_path, '{"a": "x\u2028y\x85z"}\r\n{"a": "2"}'.encode())
    assert rows.table["a"].to_pylist() == ["x\u2028y\x85z", "2"]
    assert rows.lines.tolist() == [1, 2]


def test_no_object_at_all_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(
        ValueError, match=r'expected lines like \{"column": "text"\}, but none of 2 holds an object \(line 1'
    ):
        read(tmp_path, b"a,b\n1,2\n")
