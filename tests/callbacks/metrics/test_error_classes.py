from __future__ import annotations

from callbacks.metrics.error_classes import ErrorClasses, tabulate
from callbacks.rows.evaluated_row import EvaluatedRow
from callbacks.rows.evaluation import Evaluation
from callbacks.rows.outcomes import OUTCOMES


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


def test_only_texts_can_be_related_molecules():
    items = [
        ("c", "exact", None),
        ("c", "different", None),
        ("n", "invalid", "not a number"),
        ("t", "exact", None),
    ]
    lines = tabulate(items, {"c": "choices", "n": "number"})
    named = {task: [line["outcome"] for line in lines if line["task"] == task] for task in "cnt"}
    assert named["c"] == ["exact", "different"]
    assert named["n"] == ["exact", "equivalent", "different", "invalid", "invalid", "unfinished"]
    assert named["t"] == list(OUTCOMES)
    assert {line["meaning"] for line in lines if line["task"] == "c"} == {"exact", "another choice"}
    rows = [
        EvaluatedRow(0, "c", "C", "yes", "smiles", "text", "no", -1.0, True, 1, choices=("no", "yes")),
        EvaluatedRow(1, "n", "C", "1.0", "smiles", "number", "1.5", -1.0, True, 1),
    ]
    choice, number = ErrorClasses().score(Evaluation(rows))
    assert choice == {"outcome_exact": 0.0, "outcome_different": 1.0}
    assert number["outcome_different"] == 1.0
    assert "outcome_stereo" not in number
