from __future__ import annotations

import sys

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from hypothesis import given
from hypothesis import strategies as st

from datamodules.storage.text_columns import TextColumn, TextLists, as_strings, gather

TEXT = st.text(st.characters(codec="utf-8"), max_size=3)
LISTS = st.lists(st.lists(TEXT, max_size=3), max_size=6)


def test_composed_column_has_equal_texts_once() -> None:
    column = TextColumn.of(["caf\u00e9", "x", "cafe\u0301"]).composed()
    assert list(column) == ["caf\u00e9", "x", "caf\u00e9"]
    assert len(column.values) == 2


@given(st.lists(TEXT, max_size=20), st.data())
def test_text_column_is_the_sequence_of_its_texts(texts: list[str], data: st.DataObject) -> None:
    column = TextColumn.of(texts)
    assert list(column) == texts == as_strings(column).to_pylist()
    assert len(column.values) == len(set(texts))
    assert [column[place] for place in range(len(column))] == texts
    rows = data.draw(st.lists(st.integers(0, len(texts) - 1), max_size=30) if texts else st.just([]))
    taken = column.take(np.array(rows, dtype=np.int64))
    assert list(taken) == [texts[row] for row in rows]
    assert sorted(taken.values.to_pylist()) == sorted({texts[row] for row in rows})
    upper = column.map(lambda values: [text[:1] for text in values.to_pylist()])
    assert list(upper) == [text[:1] for text in texts]
    assert len(upper.values) == len(set(upper))


@given(st.lists(st.lists(TEXT, max_size=5), min_size=1, max_size=4))
def test_joined_text_columns_are_the_joined_texts(pieces: list[list[str]]) -> None:
    joined = TextColumn.join([TextColumn.of(texts) for texts in pieces])
    assert list(joined) == [text for texts in pieces for text in texts]
    assert len(joined.values) == len(set(joined))


def test_taking_few_rows_keeps_few_texts() -> None:
    column = TextColumn.of([str(number) for number in range(1000)])
    taken = column.take(np.array([7, 3, 7]))
    assert list(taken) == ["7", "3", "7"]
    assert len(taken.values) == 2


@given(LISTS, st.data())
def test_text_lists_are_the_lists_they_were_made_of(lists: list[list[str]], data: st.DataObject) -> None:
    ours = TextLists.of(lists)
    assert [ours[row] for row in range(len(ours))] == lists
    assert ours.first().to_pylist() == [entry[0] if entry else "" for entry in lists]
    rest = ours.rest()
    assert [rest[row] for row in range(len(rest))] == [entry[1:] for entry in lists]
    both = ours.extend(rest)
    assert [both[row] for row in range(len(both))] == [entry + entry[1:] for entry in lists]
    keep = np.array([text < "k" for entry in lists for text in entry], dtype=bool)
    fewer = ours.filter(keep)
    assert [fewer[row] for row in range(len(fewer))] == [[t for t in entry if t < "k"] for entry in lists]
    rows = data.draw(st.lists(st.integers(0, len(lists) - 1), max_size=9) if lists else st.just([]))
    taken = ours.take(np.array(rows, dtype=np.int64))
    assert [taken[place] for place in range(len(taken))] == [lists[row] for row in rows]


def test_text_lists_of_arrow_join_chunks_and_take_null_as_empty() -> None:
    column = pa.chunked_array([[["a", "b"], None], [[], ["c"]]], pa.list_(pa.string()))
    lists = TextLists.of_arrow(column)
    assert [lists[row] for row in range(4)] == [["a", "b"], [], [], ["c"]]
    assert lists.take(np.array([3, 0]))[1] == ["a", "b"]


def test_gather_returns_places_row_by_row() -> None:
    places, starts = gather(np.array([0, 2, 2, 5]), np.array([2, 0, 1, 2]))
    assert places.tolist() == [2, 3, 4, 0, 1, 2, 3, 4]
    assert starts.tolist() == [0, 3, 5, 5, 8]


def test_arrow_trims_the_whitespace_that_python_strips() -> None:
    """`task_rows` trims with Arrow what it once stripped with Python: the same white space, in all of Unicode."""
    spaces = [chr(code) for code in range(1, sys.maxunicode + 1) if chr(code).isspace()]
    assert len(spaces) > 20
    texts = [f"{space}a{space}b{space}" for space in spaces] + ["\u200ba\u200b", "a\ufeff"]
    assert pc.utf8_trim_whitespace(as_strings(texts)).to_pylist() == [text.strip() for text in texts]
