from __future__ import annotations

import gzip
import sys
import zipfile
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from datamodules.sources.rows import Rows
from datamodules.sources.tables.options import TableOptions
from datamodules.sources.tables.read import load

OFFICE = "http://schemas.openxmlformats.org"
MAIN, RELATIONS = f"{OFFICE}/spreadsheetml/2006/main", f"{OFFICE}/package/2006/relationships"
DOCUMENT = f"{OFFICE}/officeDocument/2006/relationships"


def cell(place: str, value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return f'<c r="{place}" t="b"><v>{int(value)}</v></c>'
    if isinstance(value, (int, float)):
        return f'<c r="{place}"><v>{value}</v></c>'
    if value.startswith("#"):
        return f'<c r="{place}" t="e"><v>{value}</v></c>'
    return f'<c r="{place}" t="inlineStr"><is><t>{value}</t></is></c>'


def workbook(**sheets: list[list[Any]]) -> bytes:
    """The smallest workbook that the format allows, so that no library writes what another one reads."""
    files = {
        "[Content_Types].xml": f'<Types xmlns="{OFFICE}/package/2006/content-types"><Default Extension="rels" '
        'ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" '
        'ContentType="application/xml"/><Override PartName="/xl/workbook.xml" ContentType='
        '"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/></Types>',
        "_rels/.rels": f'<Relationships xmlns="{RELATIONS}"><Relationship Id="r" Type="{DOCUMENT}/officeDocument" '
        'Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{MAIN}" xmlns:r="{DOCUMENT}"><sheets>'
        + "".join(f'<sheet name="{name}" sheetId="{n + 1}" r:id="r{n}"/>' for n, name in enumerate(sheets))
        + "</sheets></workbook>",
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{RELATIONS}">'
        + "".join(
            f'<Relationship Id="r{n}" Type="{DOCUMENT}/worksheet" Target="worksheets/{n}.xml"/>'
            for n in range(len(sheets))
        )
        + "</Relationships>",
    }
    for number, rows in enumerate(sheets.values()):
        lines = [
            f'<row r="{row}">{"".join(cell(f"{chr(65 + place)}{row}", value) for place, value in enumerate(values))}</row>'
            for row, values in enumerate(rows, start=1)
        ]
        files[f"xl/worksheets/{number}.xml"] = (
            f'<worksheet xmlns="{MAIN}"><sheetData>{"".join(lines)}</sheetData></worksheet>'
        )
    content = BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, f'<?xml version="1.0"?>{text}')
    return content.getvalue()


def read(folder: Path, content: bytes, name: str = "rows.xlsx", **options: bool) -> Rows:
    pytest.importorskip("python_calamine")
    (folder / name).write_bytes(content)
    return load(folder / name, TableOptions(**options))


@pytest.mark.parametrize("name", ["rows.xlsx", "ROWS.XLSX.GZ"])
def test_cells_become_text_and_what_is_missing_is_empty(tmp_path: Path, name: str) -> None:
    content = workbook(
        A=[
            ["smiles", "value", "ok"],
            ["CCO", 7, True],
            ["CCN", 1.5, False],
            ["C", "#N/A", None],
            [],
            ["CC", "007", None],
        ]
    )
    rows = read(tmp_path, gzip.compress(content) if "GZ" in name else content, name)
    assert rows.table.to_pydict() == {
        "smiles": ["CCO", "CCN", "C", "CC"], "value": ["7", "1.5", "", "007"], "ok": ["true", "false", "", ""],
    }  # fmt: skip
    assert rows.lines.tolist() == [2, 3, 4, 6]
    assert [(item.line, item.reason) for item in rows.set_aside] == [(5, "empty row")]
    assert rows.notes == ()


def test_the_first_sheet_that_holds_something(tmp_path: Path) -> None:
    table = [[], [None, "smiles", "name"], [None, "CCO", "ethanol"]]
    rows = read(tmp_path, workbook(empty=[], A=table, B=[["x"]]))
    assert rows.table.to_pylist() == [{"smiles": "CCO", "name": "ethanol"}]
    assert rows.lines.tolist() == [3]
    assert rows.notes == ("the sheet 'A' was read, 'B' not; save another as a file of its own",)


def test_a_sheet_without_a_header(tmp_path: Path) -> None:
    content = workbook(A=[["CCO", 1.5], ["CCN", 2.5]])
    rows = read(tmp_path, content)
    assert rows.table.to_pydict() == {"column_1": ["CCO", "CCN"], "column_2": ["1.5", "2.5"]}
    assert "--data.header true" in rows.notes[0]
    assert read(tmp_path, content, header=True).table.column_names == ["CCO", "1.5"]


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"no zip", "expected an Excel file, but it cannot be read"), (workbook(A=[]), "its sheets are empty")],
)
def test_what_is_no_table_is_an_error(tmp_path: Path, content: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read(tmp_path, content)


def test_without_the_extra_one_line_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "python_calamine", None)
    (tmp_path / "rows.xlsx").write_bytes(workbook(A=[["a"]]))
    with pytest.raises(
        ValueError, match=r"needs the package python-calamine: pip install -e \"\.\[xlsx\]\"; or save"
    ):
        load(tmp_path / "rows.xlsx")
