from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from datamodules.sources.rows import Rows, SetAside, built_in, shown

TABLE = pa.table({"a": ["x", "y"]})
LINES = np.array([1, 2], dtype=np.int64)


def test_rows_and_set_aside_must_add_up_to_the_total() -> None:
    with pytest.raises(AssertionError, match=r"2 rows kept \+ 0 set aside != 3"):
        Rows(TABLE, LINES, "f", [], verified=False, total=3)
    assert Rows(TABLE, LINES, "f", [SetAside("f", 3, "empty row", "")], verified=False, total=3).total == 3


def test_lines_must_be_one_for_each_row() -> None:
    with pytest.raises(AssertionError, match="2 rows but lines of shape"):
        Rows(TABLE, LINES[:1], "f", [], verified=False, total=2)
    with pytest.raises(AssertionError, match="lines must be int64, not float64"):
        Rows(TABLE, LINES.astype(np.float64), "f", [], verified=False, total=2)


def test_built_in_rows_are_verified_and_numbered() -> None:
    rows = built_in("name", TABLE)
    assert (rows.file, rows.verified, rows.total, rows.lines.tolist()) == ("name", True, 2, [1, 2])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("CCO\té", "CCO\\té"),
        ("\x1b[0m\0", "\\x1b[0m\\x00"),
        ("a\udcff", "a\\xff"),
        ("a\udc00", "a\\x00"),
        ("\ud800", "\\ud800"),
        ("x" * 300, "x" * 200),
    ],
)
def test_shown_text_is_printable(text: str, expected: str) -> None:
    assert shown(text) == expected
