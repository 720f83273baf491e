from __future__ import annotations

from callbacks.metrics.reading.coded import CodedRows, unique_in_order


def test_facts_come_in_the_order_of_the_rows_each_row_once() -> None:
    rows = CodedRows()
    rows.add({5: ("b", None), 2: ("a", "x")}, {5: 0.5, 2: 0.25})
    rows.add({})
    rows.add({3: ("b", None), 2: ("a", "x")}, {3: 0.75, 2: 0.25})  # a sampler may repeat a row
    assert list(rows.gather()) == [("a", "x"), ("b", None), ("b", None)]
    found = rows.gather_with_numbers()
    assert found.numbers.tolist() == [0.25, 0.75, 0.5]
    assert unique_in_order(found.codes) == [found.values.index(("a", "x")), found.values.index(("b", None))]


def test_without_rows_there_are_no_facts() -> None:
    assert list(CodedRows().gather()) == []
