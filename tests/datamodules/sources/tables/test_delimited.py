from __future__ import annotations

import csv
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from datamodules.sources.rows import Rows
from datamodules.sources.tables import delimited
from datamodules.sources.tables.options import TableOptions
from datamodules.sources.tables.read import load
from datamodules.sources.tables.separator import Separator


def read(folder: Path, content: bytes, name: str = "rows.csv") -> Rows:
    path = folder / name
    path.write_bytes(content)
    return load(path)


def reasons(rows: Rows) -> list[tuple[int, str]]:
    return [(item.line, item.reason) for item in rows.set_aside]


def test_plain_csv_keeps_order_lines_and_text(tmp_path: Path) -> None:
    rows = read(tmp_path, b"smiles,name\nCCO,ethanol\nC,\n")
    assert rows.table.to_pydict() == {"smiles": ["CCO", "C"], "name": ["ethanol", ""]}
    assert rows.lines.tolist() == [2, 3]
    assert rows.lines.dtype == np.int64
    assert rows.set_aside == []
    assert not rows.verified


def test_a_european_spreadsheet_has_semicolons(tmp_path: Path) -> None:
    rows = read(tmp_path, b'smiles;name\nCCO;"1,2-x;y"\nC;a,b\n')
    assert rows.table.to_pydict() == {"smiles": ["CCO", "C"], "name": ["1,2-x;y", "a,b"]}
    assert read(tmp_path, b"a;b,c\n1,2\n").table.to_pylist() == [{"a;b": "1", "c": "2"}]


def test_numbers_stay_as_they_are_spelled(tmp_path: Path) -> None:
    rows = read(tmp_path, b"a\tb\n007\t1.50\n", "rows.tsv")
    assert rows.table.to_pylist() == [{"a": "007", "b": "1.50"}]


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_byte_order_mark_and_line_ends(tmp_path: Path, end: bytes) -> None:
    rows = read(tmp_path, b"\xef\xbb\xbf" + end.join([b"a,b", b"1,2", b"3,4"]) + end)
    assert rows.table.to_pydict() == {"a": ["1", "3"], "b": ["2", "4"]}
    assert rows.lines.tolist() == [2, 3]


def test_the_last_line_needs_no_line_end(tmp_path: Path) -> None:
    assert read(tmp_path, b"a,b\n1,2").table.num_rows == 1


def test_quoted_cells_with_line_breaks_keep_the_line_where_the_record_starts(tmp_path: Path) -> None:
    rows = read(tmp_path, b'a,b\n"x\r\ny ""z""",1\n2,3\nbad\n')
    assert rows.table.to_pydict() == {"a": ['x\ny "z"', "2"], "b": ["1", "3"]}
    assert rows.lines.tolist() == [2, 4]
    assert reasons(rows) == [(5, "expected 2 columns, got 1")]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"1", "expected 2 columns, got 1"),
        (b"2,2-dimethylpropane,CC", "expected 2 columns, got 3 (a cell with commas needs quotes)"),
        (b"", "empty row"),
        (b"  \t", "empty row"),
        (b"a\xff,b", "not UTF-8"),
        (b"a\xed\xa0\x80,b", "not UTF-8"),  # half of a character, as some programs write it
        (b"a\0,b", "NUL character"),
        (b'"a"b,c', "broken quotes"),
        (b"a\rb,c", "broken quotes"),
    ],
)
def test_a_bad_line_is_set_aside_and_its_neighbours_stay(tmp_path: Path, line: bytes, reason: str) -> None:
    rows = read(tmp_path, b"a,b\n1,2\n" + line + b"\n3,4\n")
    assert rows.table.to_pydict() == {"a": ["1", "3"], "b": ["2", "4"]}
    assert rows.lines.tolist() == [2, 4]
    (item,) = rows.set_aside
    assert (item.file, item.line) == (str(tmp_path / "rows.csv"), 3)
    assert item.reason.startswith(reason)
    assert rows.total == 3


def test_the_text_of_a_bad_row_is_short_and_printable(tmp_path: Path) -> None:
    (item,) = read(tmp_path, b"a,b\n\x1b[31m\xff\0" + b"x" * 1000 + b",\n").set_aside
    assert item.text.startswith("\\x1b[31m\\xff\\x00xxx")
    assert item.text.isprintable()
    assert len(item.text) < 220


def test_a_quote_that_never_closes_costs_one_row(tmp_path: Path) -> None:
    rows = read(tmp_path, b'a,b\n1,"2\n3,4\n5,6\n')
    assert rows.table.to_pydict() == {"a": ["3", "5"], "b": ["4", "6"]}
    assert rows.lines.tolist() == [3, 4]
    assert reasons(rows) == [(2, "broken quotes (unexpected end of data)")]


def test_many_broken_quotes_do_not_take_quadratic_time(tmp_path: Path) -> None:
    began = time.process_time()
    rows = read(tmp_path, b"a,b\n" + b'1,"2\n' * 50_000 + b'"x"y,1\n' * 50_000)
    assert rows.total == 100_000
    assert time.process_time() - began < 10


def test_a_cell_of_ten_megabytes(tmp_path: Path) -> None:
    before = csv.field_size_limit()
    rows = read(tmp_path, b"a,b\n" + b"x" * 10_000_000 + b",1\n2,3\n")
    assert len(rows.table["a"][0].as_py()) == 10_000_000
    assert rows.table.num_rows == 2
    assert csv.field_size_limit() == before


def test_one_column(tmp_path: Path) -> None:
    rows = read(tmp_path, b"a\nx\n\n \ny\n")
    assert rows.table.to_pydict() == {"a": ["x", "y"]}
    assert reasons(rows) == [(3, "empty row"), (4, "empty row")]


def test_a_header_alone_has_no_rows(tmp_path: Path) -> None:
    rows = read(tmp_path, b"a,b\n")
    assert (rows.total, rows.table.column_names) == (0, ["a", "b"])


def test_rows_over_a_chunk_stay_in_order(tmp_path: Path) -> None:
    rows = read(tmp_path, b"a,b\n" + b"".join(b"%d,x\n" % number for number in range(120_001)))
    assert rows.table["a"].to_pylist() == [str(number) for number in range(120_001)]
    assert rows.lines.tolist() == list(range(2, 120_003))


LINES = st.sampled_from(
    ["a,b", '"x,y",z', '"two', 'lines",q', "a", "a,b,c", "", " , ", '"a"b,c', 'a"b,c', '"",""', "a,\\"]
)


@settings(deadline=None)
@given(st.lists(LINES, max_size=40))
def test_reading_thousands_at_once_is_reading_record_by_record(lines: list[str]) -> None:
    def read_text() -> tuple[object, ...]:
        text = delimited.Lines("\n".join(["a,b", *lines]))
        rows = delimited.read_lines("x.csv", text, Separator(",", False), True, TableOptions())
        return rows.table.to_pydict(), rows.lines.tolist(), rows.set_aside, rows.total

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(delimited, "_CHUNK", 3)
        at_once = read_text()
        patch.setattr(delimited, "_plain_rows", lambda *_: None)
        patch.setattr(delimited, "_CHUNK", 1000)
        assert read_text() == at_once


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the file is empty"),
        (b"\n1,2\n", "line 1: expected a header line with column names, but it is empty"),
        (b"\xef\xbb\xbf", "but it is empty"),
        (b"a,b,a\n1,2,3\n", r"these come twice: \['a'\]: rename them"),
        (b"a\xff,b\n1,2\n", r"expected column names in UTF-8, but got \['a\\\\xff', 'b'\]"),
        (b'"a,b\n1,2\n', "expected a header line with column names, but it is broken"),
        (
            "a,b\n1,2\n".encode("utf-16")[:-1],
            "expected text in utf-16, but it cannot be read .*: save the file as UTF-8",
        ),
    ],
)
def test_a_file_without_a_header_is_an_error(tmp_path: Path, content: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read(tmp_path, content)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(
        st.tuples(
            *[st.text(st.characters(exclude_characters="\0\r", exclude_categories=["Cs"]), max_size=12)] * 2
        ),
        max_size=12,
    )
)
def test_what_the_csv_module_writes_is_read_back(tmp_path: Path, rows: list[tuple[str, str]]) -> None:
    path = tmp_path / "rows.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, quoting=csv.QUOTE_ALL).writerows([("a", "b"), *rows])
    read_back = load(path)
    assert [tuple(row.values()) for row in read_back.table.to_pylist()] == rows
    assert read_back.set_aside == []


@pytest.mark.slow
def test_a_million_rows_take_fifteen_seconds_of_processor_time(tmp_path: Path) -> None:
    content = b"a,b,c\n" + b"".join(b'CCO%d,"ethanol, %d",plain %d\n' % (n, n, n) for n in range(1_000_000))
    (tmp_path / "rows.csv").write_bytes(content)
    began = time.process_time()
    assert load(tmp_path / "rows.csv").table.num_rows == 1_000_000
    assert time.process_time() - began < 15
