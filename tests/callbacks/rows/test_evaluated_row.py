from __future__ import annotations

from callbacks.rows import evaluated_row
from callbacks.rows.evaluated_row import EvaluatedRow, gather_by_index, keep_first
from datamodules.rows.row import Row


def test_an_evaluated_row_is_a_row_with_its_answer():
    row = Row(3, "t", "ethanol", "CCO", "iupac", "smiles", line=5)
    evaluated = EvaluatedRow(**vars(row), prediction="OCC", score=-0.5, stopped=True, num_tokens=4)
    assert isinstance(evaluated, Row)
    assert {name: getattr(evaluated, name) for name in vars(row)} == vars(row)
    assert (evaluated.candidates, evaluated.replaced) == ((), None)


def test_gathering_on_one_process_sorts():
    assert list(gather_by_index({3: "c", 1: "a"}).items()) == [(1, "a"), (3, "c")]


def test_the_first_rows_of_each_task_stay_in_order() -> None:
    facts = {index: (("a", "b", "b")[index % 3], index) for index in reversed(range(30))}
    kept = keep_first(facts, lambda fact: fact[0], most=4)
    assert list(kept) == sorted(kept)
    assert [index for index, (task, _) in kept.items() if task == "a"] == [0, 3, 6, 9]
    assert [index for index, (task, _) in kept.items() if task == "b"] == [1, 2, 4, 5]


def test_parts_give_what_the_whole_gives() -> None:
    facts = {index: "ab"[index % 2] for index in range(100)}
    kept: dict[int, str] = {}
    for start in (60, 0, 90, 30):
        kept = keep_first(
            kept | {index: facts[index] for index in range(start, min(start + 30, 100))}, str, 10
        )
    assert kept == keep_first(facts, str, 10)


def test_default_is_as_many_as_the_docs_say() -> None:
    assert evaluated_row.MOST_ROWS == 100_000
    assert len(keep_first(dict.fromkeys(range(100003), ""), str)) == 100_000
