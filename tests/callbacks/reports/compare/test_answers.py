from __future__ import annotations

from callbacks.reports.compare.answers import find_table, read_answers

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
