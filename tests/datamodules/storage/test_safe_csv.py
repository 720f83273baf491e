from __future__ import annotations

import csv

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from datamodules.storage.safe_csv import escape_cell, read_csv, unescape_cell, write_csv

NASTY = [
    "=1+1",
    "+A1",
    "-A1",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "'=1",
    "''",
    "=O",
    " =1",
    "\uff1d1",
    '="a,b"',
    "a\nb",
    "",
]


@pytest.mark.parametrize("text", NASTY[:11])
def test_cells_that_begin_a_formula_are_escaped(text):
    cell = escape_cell(text)
    assert cell.startswith("'")
    assert unescape_cell(cell) == text


@pytest.mark.parametrize("text", ["CCO", "-3.5", "+1", "1e-5", "[Na+].[Cl-]", "2-methyl", ""])
def test_harmless_cells_are_not_escaped(text):
    assert escape_cell(text) == text


def test_written_table_reads_back_equal(tmp_path):
    path = tmp_path / "deep" / "x.csv"
    write_csv(path, ["a", "b"], [{"a": text, "b": -1.5} for text in NASTY])
    assert read_csv(path) == [{"a": text, "b": "-1.5"} for text in NASTY]
    assert [entry.name for entry in path.parent.iterdir()] == ["x.csv"]


@settings(deadline=None, max_examples=200)
@given(
    st.text(
        st.characters(categories=["L", "N", "P", "S", "Z", "C", "M"])
        | st.sampled_from("=+-@\t\r\n'\0\u2400\ud800;")
    )
)
@example("-")
@example("\0=1")
@example("\u24000;\0")
@example("\udcff'")
def test_any_cell_reads_back_equal_and_is_no_formula(tmp_path_factory, text):
    path = tmp_path_factory.getbasetemp() / "any.csv"
    write_csv(path, ["a", "b"], [{"a": text, "b": "end"}])
    assert read_csv(path) == [{"a": text, "b": "end"}]
    with path.open(newline="", encoding="utf-8") as file:
        raw = list(csv.reader(file))[1][0]
    assert not raw.lstrip().startswith(("=", "@"))


def test_missing_cells_and_values_of_other_types_are_written(tmp_path):
    write_csv(tmp_path / "x.csv", ["t", "n", "none", "gone"], [{"t": True, "n": 0.1, "none": None}])
    assert (tmp_path / "x.csv").read_text().splitlines() == ["t,n,none,gone", "true,0.1,,"]


def test_nul_and_lone_surrogates_do_not_fail_the_write(tmp_path):
    write_csv(tmp_path / "x.csv", ["a", "b"], [{"a": "x\0y", "b": "\ud800\u2400"}])
    assert read_csv(tmp_path / "x.csv") == [{"a": "x\0y", "b": "\ud800\u2400"}]
    assert (tmp_path / "x.csv").read_text().splitlines()[1] == "x\u24000;y,\u2400d800;\u24002400;"


def test_failed_write_leaves_the_old_table(tmp_path):
    path = tmp_path / "x.csv"
    write_csv(path, ["a"], [{"a": "old"}])

    def rows():
        yield {"a": "new"}
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        write_csv(path, ["a"], rows())
    assert read_csv(path) == [{"a": "old"}]
