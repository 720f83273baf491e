from __future__ import annotations

import csv
import re

import pytest

from callbacks.reports.compare.__main__ import main
from callbacks.reports.prediction_table import PredictionTable
from tests.helpers.callback_stubs import Pair, ScriptedModel, StubData, make_trainer
from tests.helpers.prediction_tables import write_answers


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
    assert "same molecule" in printed
    assert "+85.7" in printed
    assert "1 rows are in only one of the tables" in printed
    assert re.search(r"p is not corrected for these \d+ comparisons", printed)
    with (tmp_path / "both.csv").open(newline="") as file:
        lines = {line["metric"]: line for line in csv.DictReader(file)}
    assert lines["exact_match"]["only_second"] == "5"
    assert float(lines["exact_match"]["p"]) == 2 / 2**5
    assert float(lines["exact_match_canonical"]["p"]) == 2 / 2**6
    assert lines["valid"]["only_second"] == "1"
    assert "first: old (test/predictions/test_epoch_0.csv)\nsecond: new (test/predictions/" in printed


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


def three_runs(folder, rows=40):
    for name, most, form in (("a", 10, "arrow"), ("b", 25, "tags"), ("c", 20, "arrow")):
        settings = {"trainer": {"default_root_dir": f"runs/{name}"}, "data": {"format": form}}
        write_answers(folder / name, [row < most for row in range(rows)], settings=settings)
    return [str(folder / name) for name in "abc"]


def test_compare_takes_any_number_of_runs(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    three_runs(tmp_path / "runs")
    main(["runs/a", "runs/b", "runs/c", "--output", "all.csv"])
    printed = capsys.readouterr().out
    assert "name, 40 rows" in printed
    assert "62.5 (47.0 to 75.8) *" in printed
    assert "  --data.format: arrow (a, c), tags (b)\n" in printed
    assert re.search(r"1 a +2 b +\+37\.5 .* 0 / 15 +0\.0002\b", printed)  # 3 pairs: 2 / 2^15, three times
    assert "McNemar's p by Holm for 3 pairs" in printed
    assert printed.endswith("page: runs/compare.html\n")
    with open("all.csv", newline="") as file:
        lines = [line for line in csv.DictReader(file) if line["metric"] == "exact_match"]
    assert [(line["first_run"], line["second_run"]) for line in lines] == [("a", "b"), ("a", "c"), ("b", "c")]
    assert float(lines[0]["p_holm"]) == pytest.approx(3 * 2 / 2**15)
    assert max(map(len, printed.splitlines())) <= 80


def test_compare_of_everything_leaves_out_its_own_page_and_untested_runs(tmp_path, capsys):
    paths = three_runs(tmp_path / "runs")
    (tmp_path / "runs" / "d").mkdir()
    main(paths)
    capsys.readouterr()
    main([str(path) for path in sorted((tmp_path / "runs").iterdir())])  # a shell's runs/*
    output = capsys.readouterr()
    assert "Left out, since they hold no predictions: d." in output.err
    assert "McNemar's p by Holm for 3 pairs" in output.out
    with pytest.raises(SystemExit):
        main([paths[0]])
    assert (
        "error: Expected at least two runs with predictions to compare, but got 1: give"
        in capsys.readouterr().err
    )


def test_compare_of_several_runs_leaves_other_rows_out_unless_the_shared_ones_are_asked_for(tmp_path, capsys):
    paths = three_runs(tmp_path)
    write_answers(tmp_path / "d", [True] * 40, start=10)
    main([*paths, str(tmp_path / "d")])
    printed = capsys.readouterr().out
    assert "name, 40 rows" in printed
    assert "no other run has the same rows: d (40 rows, 30 shared: add --shared)." in printed
    assert "Group" not in printed
    main([*paths, str(tmp_path / "d"), "--shared"])
    printed = capsys.readouterr().out
    assert "name, 30 rows" in printed
    assert "Warning: 40 rows are in only some of the tables" in printed


def test_runs_of_several_tables_are_compared_in_groups(tmp_path, capsys):
    paths = three_runs(tmp_path)
    for name, start in (("d", 100), ("e", 100), ("alone", 500)):
        write_answers(tmp_path / name, [True, False, name == "e"], start=start)
    main([*paths, *(str(tmp_path / name) for name in ("alone", "d", "e")), "--output", str(tmp_path / "all.csv")])  # fmt: skip
    printed = capsys.readouterr().out
    assert "Group 1 of 2: name, 40 rows: a, b, c\n" in printed
    assert "Group 2 of 2: name, 3 rows: d, e\n" in printed
    assert "Not compared, since no other run has the same rows: alone (3 rows).\n" in printed
    with (tmp_path / "all.csv").open(newline="") as file:
        pairs = [
            (line["first_run"], line["second_run"])
            for line in csv.DictReader(file)
            if line["metric"] == "valid"
        ]
    assert pairs == [("a", "b"), ("a", "c"), ("b", "c"), ("d", "e")]


def test_each_group_is_compared_by_the_side_that_its_runs_have(tmp_path, capsys):
    for name in ("a", "b"):
        write_answers(tmp_path / name, [True] * 5, side=".")
        write_answers(tmp_path / name, [True] * 9, start=20)
    for name in ("c", "d"):
        write_answers(tmp_path / name, [True] * 7, start=50, side=".")
    main([str(tmp_path / name) for name in "abcd"])
    printed = capsys.readouterr().out
    assert "name, 9 rows: a, b\n" in printed
    assert "name, 7 rows: c, d\n" in printed


def test_runs_no_two_of_which_share_rows_are_one_line(tmp_path, capsys):
    starts = {"a": 0, "b": 5, "c": 100}
    paths = [str(write_answers(tmp_path / name, [True] * 10, start=start)) for name, start in starts.items()]
    with pytest.raises(SystemExit) as ended:
        main(paths)
    assert ended.value.code == 1
    error = capsys.readouterr().err
    assert "no two of these 3 have them (a 10, b 10, c 10 rows): test them with" in error
    assert error.endswith("or add --shared to compare the rows that they share.\n")
    assert error.count("\n") == 1
    assert not (tmp_path / "compare.html").exists()


def test_many_pairs_are_on_the_page(tmp_path, capsys):
    paths = [str(write_answers(tmp_path / f"r{most}", [row < most for row in range(12)])) for most in range(8)]  # fmt: skip
    main(paths)
    assert "for 28 pairs; the 13 others are on the page" in capsys.readouterr().out
    page = (tmp_path / "compare.html").read_text(encoding="utf-8")
    assert page.count('<tr><td class="name">r0</td>') >= 7


def test_tables_of_one_name_are_told_apart_by_their_folders(tmp_path, capsys):
    for name in ("a", "b"):
        write_answers(tmp_path / name, [True])
    tables = [str(tmp_path / name / "test" / "predictions" / "test_epoch_3.csv") for name in ("a", "b")]
    main([*tables, "--page", str(tmp_path / "it.html")])
    assert tables[1] in (tmp_path / "it.html").read_text(encoding="utf-8")


def test_page_that_cannot_be_written_is_told_in_one_line(tmp_path, capsys):
    (tmp_path / "file").touch()
    with pytest.raises(SystemExit):
        main([*three_runs(tmp_path), "--page", str(tmp_path / "file" / "it.html")])
    printed = capsys.readouterr()
    assert re.search(r"error: .*file.*: expected a file that can be written", printed.err)
    assert not printed.out  # told before the comparison
