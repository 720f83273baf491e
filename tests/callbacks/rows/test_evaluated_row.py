from __future__ import annotations

from callbacks.rows.evaluated_row import EvaluatedRow, gather_by_index
from datamodules.rows.row import Row


def test_an_evaluated_row_is_a_row_with_its_answer():
    row = Row(3, "t", "ethanol", "CCO", "iupac", "smiles", line=5)
    evaluated = EvaluatedRow(**vars(row), prediction="OCC", score=-0.5, stopped=True, num_tokens=4)
    assert isinstance(evaluated, Row)
    assert {name: getattr(evaluated, name) for name in vars(row)} == vars(row)
    assert (evaluated.candidates, evaluated.replaced) == ((), None)


def test_gathering_on_one_process_sorts():
    assert list(gather_by_index({3: "c", 1: "a"}).items()) == [(1, "a"), (3, "c")]
