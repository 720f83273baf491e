"""The user's own columns come back as they were, in the file's own format, and ours stand behind them."""

from __future__ import annotations

import csv
import gzip
import io
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from datamodules.sources.lookup import load_source
from datamodules.sources.output.names import check_output, output_name
from datamodules.sources.output.write import write_answers

COLUMNS = ("line", "prediction", "score", "reason")


def answer(path: Path, output: Path) -> list[str]:
    """Write an answer to each row of a file that was read, and a reason for each that was not."""
    rows = load_source(str(path))
    records = [{"line": line, "prediction": "=x", "score": -0.5} for line in rows.lines.tolist()]
    records += [{"line": row.line, "reason": row.reason} for row in rows.set_aside]
    records.sort(key=lambda record: record["line"])
    return write_answers(output, str(path), rows, COLUMNS, records)


def test_csv_keeps_cells_separator_line_ends_and_places(tmp_path: Path) -> None:
    path, output = tmp_path / "in.csv", tmp_path / "out.csv"
    content = 'id;smiles;price\r\n007;=O;1,50\r\nNA;\'q\';\r\n4;OCC\r\n\u00e9;"a;""b""";-1\r\n'
    path.write_bytes(b"\xef\xbb\xbf" + content.encode())
    assert answer(path, output) == []
    data = output.read_bytes()
    assert data.startswith(b"\xef\xbb\xbfid;smiles;price;line;prediction;score;reason\r\n")
    found = list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline=""), delimiter=";"))[1:]
    assert [row[:3] for row in found] == [
        ["007", "=O", "1,50"], ["NA", "'q'", ""], ["", "", ""], ["\u00e9", 'a;"b"', "-1"],
    ]  # fmt: skip
    assert found[0][3:] == ["2", "'=x", "-0.5", ""]
    assert found[2][3:] == ["4", "", "", "expected 3 columns, got 2"]


@pytest.mark.parametrize("suffix", [".tsv", ".tsv.gz"])
def test_tsv_and_gz_stay(tmp_path: Path, suffix: str) -> None:
    path, output = tmp_path / f"in{suffix}", tmp_path / output_name(f"x/answers{suffix}")
    opened = gzip.open if suffix.endswith(".gz") else open
    with opened(path, "wt") as file:
        file.write("smiles\tline\nCCO\tx\n")
    assert answer(path, output) == [
        "Of our columns line is called line_2, since the file has columns of these names."
    ]
    with opened(output, "rt", newline="") as file:
        assert file.read() == "smiles\tline\tline_2\tprediction\tscore\treason\nCCO\tx\t2\t'=x\t-0.5\t\n"


def test_jsonl_keeps_the_text_of_its_objects(tmp_path: Path) -> None:
    path, output = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    lines = [
        '{"smiles": "CCO", "n": 1.50, "big": 1234567890123456789, "deep": {"a": [1]}}',
        "{broken",
        '{"smiles":"C", "n":null}',
    ]
    path.write_text("\n".join(lines) + "\n")
    answer(path, output)
    first, second, third = output.read_text().splitlines()
    assert first == lines[0][:-1] + ', "line": 1, "prediction": "=x", "score": -0.5, "reason": null}'
    assert json.loads(second)["reason"].startswith("invalid JSON")
    assert json.loads(third) == {
        "smiles": "C",
        "n": None,
        "line": 3,
        "prediction": "=x",
        "score": -0.5,
        "reason": None,
    }


def test_parquet_keeps_types_and_rows_that_cannot_be_read(tmp_path: Path) -> None:
    path, output = tmp_path / "in.parquet", tmp_path / "out.parquet"
    table = pa.table(
        {"smiles": ["CCO", "C\0", None], "n": pa.array([1, None, 3], pa.int16()), "tags": [["a"], [], None]}
    ).replace_schema_metadata({"made": "here"})
    pq.write_table(table, path)
    answer(path, output)
    found = pq.read_table(output)
    assert found.select(table.column_names).equals(table)
    assert found.schema.metadata == {b"made": b"here"}
    assert found.column("score").to_pylist() == [-0.5, None, -0.5]
    assert found.column("reason")[1].as_py() == "NUL character in column 'smiles'"


def test_xlsx_keeps_cells_sheets_and_types(tmp_path: Path) -> None:
    openpyxl = pytest.importorskip("openpyxl", reason="needs the extra xlsx")
    path, output = tmp_path / "in.xlsx", tmp_path / "out.xlsx"
    book = openpyxl.Workbook()
    sheet = book.active
    for row in (
        ["id", "smiles", "mass"],
        ["007", "CCO", 46.07],
        ["NA", "C", 16],
        [None, None, None],
        ["x", "CC", True],
    ):
        sheet.append(row)
    sheet["B2"].font = openpyxl.styles.Font(bold=True)
    book.create_sheet("notes")["A1"] = "kept"
    book.save(path)
    answer(path, output)
    found = openpyxl.load_workbook(output)
    assert found["notes"]["A1"].value == "kept"
    assert found.worksheets[0]["B2"].font.bold
    assert [list(row) for row in found.worksheets[0].iter_rows(values_only=True)] == [
        ["id", "smiles", "mass", *COLUMNS],
        ["007", "CCO", 46.07, 2, "=x", -0.5, None],
        ["NA", "C", 16, 3, "=x", -0.5, None],
        [None, None, None, 4, None, None, "empty row"],
        ["x", "CC", True, 5, "=x", -0.5, None],
    ]
    assert found.worksheets[0]["E2"].data_type == "s"


def test_a_formula_that_was_never_computed_stays(tmp_path: Path) -> None:
    openpyxl = pytest.importorskip("openpyxl", reason="needs the extra xlsx")
    book = openpyxl.Workbook()
    for row in (["smiles", "mass", "twice"], ["CCO", 46, "=B2*2"]):
        book.active.append(row)
    book.save(tmp_path / "in.xlsx")
    answer(tmp_path / "in.xlsx", tmp_path / "out.xlsx")
    assert openpyxl.load_workbook(tmp_path / "out.xlsx").active["C2"].value == "=B2*2"


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet", ".xlsx"])
def test_one_format_is_written_as_another(tmp_path: Path, suffix: str) -> None:
    if suffix == ".xlsx":
        pytest.importorskip("openpyxl", reason="needs the extra xlsx")
    path, output = tmp_path / "in.smi", tmp_path / f"out{suffix}"
    path.write_text("CCO ethanol\nC methane\n")
    answer(path, output)
    rows = load_source(str(output))
    assert rows.table.column_names == ["smiles", "title", *COLUMNS]
    assert rows.table.column("title").to_pylist() == ["ethanol", "methane"]


@pytest.mark.parametrize(
    ("output", "message"),
    [
        ("x.smi", r"Expected --output to end in \.csv, .* or to be -, but got 'x\.smi'"),
        ("nope/x.csv", "expected a file in a folder that exists, but nope does not"),
        ("in.csv", "expected another file than --data.predict_path, which would be lost"),
    ],
)
def test_a_file_that_cannot_take_answers_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, output: str, message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in.csv").write_text("smiles\nC\n")
    with pytest.raises(ValueError, match=message):
        check_output(output, "in.csv")
