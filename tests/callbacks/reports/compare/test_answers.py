from __future__ import annotations

import json

import pytest

from callbacks.reports.compare.answers import find_table, find_tables, read_answers
from tests.helpers.prediction_tables import write_answers

HEADER = "task,input,target,verdict,same_string"


def test_rows_of_two_tables_are_matched_in_any_unicode_form():
    row = {"task": "t", "target": "x", "same_string": "true", "verdict": "exact"}
    composed, decomposed = (read_answers([{**row, "input": text}]) for text in ("caf\u00e9", "cafe\u0301"))
    assert list(composed) == list(decomposed)


def test_compare_ignores_other_files_beside_the_tables(tmp_path):
    folder = tmp_path / "test" / "predictions"
    folder.mkdir(parents=True)
    for name in ("test_epoch_3", "test_epoch_mine", "test_epoch_12"):
        (folder / f"{name}.csv").write_text(f"{HEADER}\nt,a,x,exact,true\n")
    assert find_table(tmp_path)[1] == "test/predictions/test_epoch_12.csv"


def test_tables_of_several_runs_are_of_the_same_side(tmp_path):
    for name, sides in (("a", ("test", "validate")), ("b", ("validate", "."))):
        for side in sides:
            write_answers(tmp_path / name, [True], side=side)
    assert find_table(tmp_path / "a")[1] == "test/predictions/test_epoch_3.csv"
    found = find_tables([tmp_path / "a", tmp_path / "b"])
    assert [name for _, name in found] == ["validate/predictions/validate_epoch_3.csv"] * 2


@pytest.mark.parametrize(("epoch", "table"), [(1, "val_epoch_1.csv"), (None, "val_epoch_2.csv")])
def test_table_of_a_fit_is_that_of_the_exported_weights(tmp_path, epoch, table):
    for number in range(3):
        write_answers(tmp_path / "a", [True], side=".", epoch=number)
    (tmp_path / "a" / "summary.json").write_text(json.dumps({"fit": {"epoch": epoch}}))
    assert find_table(tmp_path / "a")[1] == f"a/predictions/{table}"
