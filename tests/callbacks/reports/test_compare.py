from __future__ import annotations

import csv
import math
import re

import numpy as np
import pytest

from callbacks.reports.compare import compare_answers, compare_verdicts, find_table, main, read_answers
from callbacks.reports.prediction_table import PredictionTable
from callbacks.statistics.intervals import mcnemar_exact
from tests.helpers.callback_stubs import Pair, ScriptedModel, StubData, make_trainer


def test_mcnemar_of_many_rows_equals_the_binomial_tail():
    n, k = 5_000, 2_400
    logs = [
        math.lgamma(n + 1) - math.lgamma(i + 1) - math.lgamma(n - i + 1) - n * math.log(2)
        for i in range(k + 1)
    ]
    assert mcnemar_exact(k, n - k) == pytest.approx(2 * sum(map(math.exp, logs)), rel=1e-9)


def test_rows_of_two_tables_are_matched_in_any_unicode_form():
    row = {"task": "t", "target": "x", "same_string": "true", "verdict": "exact"}
    composed, decomposed = (read_answers([{**row, "input": text}]) for text in ("caf\u00e9", "cafe\u0301"))
    assert list(composed) == list(decomposed)


@pytest.mark.parametrize("rows", [40, 500])
def test_interval_of_few_differing_rows_excludes_zero_only_where_mcnemar_does(rows):
    same = np.array([True, False] * (rows // 2))
    widths = []
    for gained in range(10):
        second = same.copy()
        second[np.flatnonzero(~same)[:gained]] = True
        found = compare_verdicts("t", "exact_match", same, second)
        widths.append(found.high - found.low)
        assert found.low <= found.difference <= found.high
        assert found.difference == pytest.approx(gained / rows)
        assert (found.low <= 0) == (
            found.p > 0.07
        )  # five gained and none lost: p = 0.0625, the bound is 0.0005
    assert widths == sorted(widths)
    none = compare_verdicts("t", "exact_match", same, same)
    assert none.low == -none.high < 0


def test_difference_of_two_runs_is_paired():
    """Two runs that agree on nearly all rows differ by little, however wide each one's own interval is."""
    rng = np.random.default_rng(0)
    first = rng.random(1_000) < 0.5
    second = first.copy()
    second[np.flatnonzero(~first)[:20]] = True
    found = compare_verdicts("t", "exact_match", first, second)
    assert (found.only_first, found.only_second) == (0, 20)
    assert found.difference == pytest.approx(0.02)
    half_width = 1.96 * math.sqrt(0.02 * 0.98 / 1_000)
    assert found.low == pytest.approx(0.02 - half_width, abs=0.002)
    assert found.high == pytest.approx(0.02 + half_width, abs=0.002)
    assert found.p < 1e-5


def table_row(task, given, target, verdict="wrong", **same):
    return {
        "task": task,
        "input": given,
        "target": target,
        "verdict": verdict,
        **{f"same_{k}": v for k, v in same.items()},
    }


def test_compare_matches_rows_by_question_and_not_by_place():
    first = read_answers(
        [
            table_row("t", "a", "x", string="true"),
            table_row("t", "a", "x", string="false", round_trip="true"),
            table_row("t", "b", "y", "invalid", string="FALSE"),
            table_row("u", "b", "y", string="true", canonical=""),
        ]
    )
    second = read_answers(
        [
            table_row("t", "b", "y", string="true"),
            table_row("t", "c", "z", string="true"),
            table_row("t", "a", "x", string="TRUE"),  # as a spreadsheet saves it
            table_row("t", "a", "x", string="true", round_trip="true"),
        ]
    )
    exact, valid, round_trip, readable = compare_answers(first, second)
    assert (exact.metric, exact.rows, exact.only_first, exact.only_second) == ("exact_match", 3, 0, 2)
    assert (valid.metric, valid.rows, valid.first, valid.second) == ("valid", 2, 0.5, 1.0)
    assert (round_trip.metric, round_trip.rows) == (
        "round_trip",
        1,
    )  # though the first row in common has none
    assert (readable.metric, readable.rows, readable.first, readable.second) == ("readable", 1, 1.0, 1.0)
    with pytest.raises(ValueError, match=r"rows in common .* none among 4 and 1 rows"):
        compare_answers(first, read_answers([table_row("t", "q", "q", string="true")]))


def run(folder, answers):
    pairs = [Pair(f"in {n}", "CCO", answer) for n, answer in enumerate(answers)]
    trainer = make_trainer(folder, [PredictionTable()])
    trainer.test(ScriptedModel(pairs), datamodule=StubData(pairs), verbose=False)


def test_compare_command_takes_two_run_folders(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    run(tmp_path / "old", ["CCO", "CC", "CC", "C(", "CC", "CC", "CC"])
    run(tmp_path / "new", ["CCO", "CCO", "OCC", "CCO", "CCO", "CCO", "CCO", "CCO"])
    main([str(tmp_path / "old"), str(tmp_path / "new"), "--output", str(tmp_path / "both.csv")])
    printed = capsys.readouterr().out
    assert "exact_match_canonical" in printed
    assert "+85.7" in printed
    assert "1 rows are in only one of the tables" in printed
    assert re.search(r"p is not corrected for these \d+ comparisons", printed)
    with (tmp_path / "both.csv").open(newline="") as file:
        lines = {line["metric"]: line for line in csv.DictReader(file)}
    assert lines["exact_match"]["only_second"] == "5"
    assert float(lines["exact_match"]["p"]) == 2 / 2**5
    assert float(lines["exact_match_canonical"]["p"]) == 2 / 2**6
    assert lines["valid"]["only_second"] == "1"
    assert "first: test/predictions/test_epoch_0.csv" in printed


def test_compare_without_predictions_says_what_to_do(tmp_path, capsys):
    with pytest.raises(SystemExit):
        main([str(tmp_path), str(tmp_path)])
    assert (
        "expected a prediction table, or a run's folder with one, but found none: run"
        in capsys.readouterr().err
    )


HEADER = "task,input,target,verdict,same_string"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (f"{HEADER}\nt,a,x,exact,yes\n", r"b\.csv: row 2, same_string: expected true, false or an empty cell, but got 'yes'"),
        (f"{HEADER}\nt,a,x,exact\n", r"b\.csv: .*line 2: expected 5 cells"),
        (f"{HEADER}\nt,a,x,exact,true,1\n", r"b\.csv: .*line 2: expected 5 cells"),
        (f'{HEADER}\nt,"a,x,exact,true\n', r"b\.csv: .*unexpected end of data"),
        (f"{HEADER}\nt,\xe9,x,exact,true\n".encode("latin-1"), r"b\.csv: .*UTF-8"),
        ("smiles,name\nC,methane\n", r"b\.csv: .*no column 'task'"),
    ],
)  # fmt: skip
def test_compare_errors_name_the_table(tmp_path, capsys, content, message):
    (tmp_path / "a.csv").write_text(f"{HEADER}\nt,a,x,exact,true\n")
    (tmp_path / "b.csv").write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(SystemExit):
        main([str(tmp_path / "a.csv"), str(tmp_path / "b.csv")])
    assert re.search(message, capsys.readouterr().err)


def test_compare_shows_names_without_terminal_controls(tmp_path, capsys):
    long = "C" * 200_000  # longer than a cell may be by Python's default
    (tmp_path / "a.csv").write_text(f"{HEADER}\n[red]\x1b[31m,{long},x,exact,true\n")
    main([str(tmp_path / "a.csv"), str(tmp_path / "a.csv")])
    assert "[red]?[31m" in capsys.readouterr().out


def test_compare_ignores_other_files_beside_the_tables(tmp_path):
    folder = tmp_path / "test" / "predictions"
    folder.mkdir(parents=True)
    for name in ("test_epoch_3", "test_epoch_mine", "test_epoch_12"):
        (folder / f"{name}.csv").write_text(f"{HEADER}\nt,a,x,exact,true\n")
    assert find_table(tmp_path)[1] == "test/predictions/test_epoch_12.csv"
