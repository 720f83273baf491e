from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from datamodules.storage import spill
from datamodules.storage.spill import ArraySpill, ColumnSpill, ListSpill, TableSpill, TextSpill, each_text
from datamodules.storage.text_columns import TextColumn, TextLists, as_strings

TEXTS = ["water", "", "Äther", "ethanol", "water", "x" * 1000]


def test_spilled_texts_are_those_that_were_added_sliced_or_not() -> None:
    texts = as_strings(TEXTS)
    grown = TextSpill()
    for piece in (texts[:2], texts[2:2], texts[2:5], texts[5:]):
        grown.add(piece)
    found = grown.finish()
    assert found.to_pylist() == TEXTS
    assert found.type == pa.large_string()
    found.validate(full=True)


def test_spilled_columns_and_lists_join_as_in_memory() -> None:
    columns = [TextColumn.of(TEXTS), TextColumn.of([]), TextColumn.of(TEXTS[::-1])]
    lists = [TextLists.of([TEXTS[:2], []]), TextLists.empty(2), TextLists.of([TEXTS[2:]])]
    of_columns, of_lists = ColumnSpill(), ListSpill()
    for column, entry in zip(columns, lists, strict=True):
        of_columns.add(column)
        of_lists.add(entry)
    assert list(of_columns.finish()) == list(TextColumn.join(columns))
    found = of_lists.finish()
    assert [found[row] for row in range(len(found))] == [TEXTS[:2], [], [], [], TEXTS[2:]]


def test_spilled_numbers_keep_their_kind_and_shape() -> None:
    grown = ArraySpill(np.uint16, (2, 2))
    grown.add(np.arange(8).reshape(2, 2, 2))
    found = grown.finish()
    assert found.dtype == np.uint16
    assert found.tolist() == np.arange(8).reshape(2, 2, 2).tolist()
    assert ArraySpill(np.int64).finish().tolist() == []


def test_nothing_spilled_is_nothing() -> None:
    assert TextSpill().finish().to_pylist() == []
    assert list(ColumnSpill().finish()) == []
    assert len(ListSpill().finish()) == 0


@pytest.mark.parametrize("size", [1, 4, 100])
def test_each_text_yields_all_texts_whatever_the_block(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spill, "BLOCK", size)
    assert list(each_text(TEXTS)) == TEXTS
    assert list(each_text(TextColumn.of(TEXTS))) == TEXTS
    assert list(each_text(as_strings(TEXTS))) == TEXTS


@pytest.mark.parametrize("in_memory", [True, False])
def test_table_that_grows_has_all_rows(in_memory: bool) -> None:
    table = pa.table({"a": ["x", "y"], "b": [["1"], []]})
    grown = TableSpill(table.schema, in_memory=in_memory)
    assert grown.schema == table.schema
    grown.add(table)
    grown.add(table.slice(1))
    assert grown.finish().to_pylist() == [*table.to_pylist(), *table.to_pylist()[1:]]
    assert TableSpill(table.schema, in_memory=in_memory).finish().equals(table.schema.empty_table())


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux's device that is always full")
def test_full_disk_is_told_in_a_line() -> None:
    grown = ArraySpill(np.int64)
    grown._file.close()
    grown._file = open("/dev/full", "wb", buffering=0)  # noqa: SIM115
    with (
        grown._file,
        pytest.raises(
            ValueError, match=r"Expected room for a large table in .*: set the environment variable TMPDIR"
        ),
    ):
        grown.add(np.arange(10))
