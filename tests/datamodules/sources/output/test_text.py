from __future__ import annotations

import csv
import io
from pathlib import Path

import pyarrow as pa
import pytest

from datamodules.sources.lookup import load_source
from datamodules.sources.output.text import write_delimited, write_jsonl
from datamodules.sources.tables.options import TableOptions

OURS = {"prediction": "prediction", "score": "score"}


def test_cells_that_a_spreadsheet_would_run_are_marked_only_where_they_are_ours(tmp_path: Path) -> None:
    path = tmp_path / "in.csv"
    path.write_text("a\tb\n=1\t2\n")
    rows = load_source(str(path))
    records = [{"line": 2, "prediction": "=x", "score": None}]
    assert b"".join(write_delimited(".csv", path, rows, OURS, records, TableOptions())) == (
        b"a\tb\tprediction\tscore\n=1\t2\t'=x\t\n"
    )


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_an_answer_with_any_end_of_a_line_reads_back_equal(tmp_path: Path, end: str) -> None:
    path = tmp_path / "in.csv"
    path.write_text("a,b\n1,2\n3,4\n", newline=end)
    records = [{"line": 2, "prediction": "x\ry"}, {"line": 3, "prediction": "x\ny"}]
    data = b"".join(
        write_delimited(".csv", path, load_source(str(path)), OURS, records, TableOptions())
    ).decode()
    found = list(csv.DictReader(io.StringIO(data, newline="")))
    assert [row["prediction"] for row in found] == ["x\ry", "x\ny"]


def test_answers_without_a_file_have_our_columns_only() -> None:
    records = [{"line": 1, "prediction": "x", "score": 0.5}]
    assert (
        b"".join(write_delimited(".tsv", None, None, OURS, records, TableOptions()))
        == b"prediction\tscore\r\nx\t0.5\r\n"
    )


def test_numbers_of_a_json_line_are_spelled_as_before(tmp_path: Path) -> None:
    path = tmp_path / "in.jsonl"
    path.write_text('{"a": 1.50, "b": null}\nbroken\n')
    records = [{"line": 1, "prediction": "é", "score": 1}, {"line": 2, "prediction": None, "score": None}]
    assert b"".join(write_jsonl(path, pa.table({}), OURS, records, TableOptions())).decode() == (
        '{"a": 1.50, "b": null, "prediction": "é", "score": 1}\n{"prediction": null, "score": null}\n'
    )
