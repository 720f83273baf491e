from __future__ import annotations

import csv
import re

import pytest

from callbacks.reports.compare.__main__ import main
from callbacks.reports.prediction_table import PredictionTable
from tests.helpers.callback_stubs import Pair, ScriptedModel, StubData, make_trainer


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
