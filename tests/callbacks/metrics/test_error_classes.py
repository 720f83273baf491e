from __future__ import annotations

from callbacks.metrics.error_classes import tabulate


def test_the_table_of_classes_counts_each_task_apart():
    items = [
        ("a", "exact", None),
        ("a", "invalid", "valence"),
        ("a", "invalid", "valence"),
        ("a", "invalid", "empty"),
        ("b", "exact", None),
    ]
    lines = tabulate(items)
    assert [
        (line["reason"], line["rows"], line["of"])
        for line in lines
        if (line["task"], line["outcome"]) == ("a", "invalid")
    ] == [
        (None, 3, 4),
        ("valence", 2, 4),
        ("empty", 1, 4),
    ]
    [exact_b] = [line for line in lines if (line["task"], line["outcome"]) == ("b", "exact")]
    assert (exact_b["rows"], exact_b["of"], exact_b["share"], exact_b["high"]) == (1, 1, 1.0, 1.0)
