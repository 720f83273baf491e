from __future__ import annotations

import csv
import math

import numpy as np
import pytest

from callbacks.compare import compare_answers, compare_verdicts, main, mcnemar_exact, read_answers
from callbacks.prediction_table import PredictionTable
from tests.callbacks.callback_stubs import Pair, ScriptedModel, StubData, make_trainer


@pytest.mark.parametrize(
    ("only_first", "only_second", "p"),
    [
        (0, 0, 1.0),
        (5, 5, 1.0),
        (0, 1, 1.0),
        (0, 5, 2 / 2**5),
        (1, 9, 22 / 1024),
        (2, 4, 44 / 64),
        (3, 4, 1.0),
    ],
)
def test_mcnemar_doubles_the_smaller_tail(only_first, only_second, p):
    assert mcnemar_exact(only_first, only_second) == p
    assert mcnemar_exact(only_second, only_first) == p


def test_mcnemar_counts_every_outcome_of_fair_coins():
    """All 2^9 ways in which nine rows can fall: how many are at least as lopsided as 2 of 9."""
    ones = [bin(outcome).count("1") for outcome in range(2**9)]
    assert mcnemar_exact(2, 7) == sum(count <= 2 or count >= 7 for count in ones) / 2**9


def test_mcnemar_of_many_rows_is_the_binomial_tail():
    n, k = 5_000, 2_400
    logs = [
        math.lgamma(n + 1) - math.lgamma(i + 1) - math.lgamma(n - i + 1) - n * math.log(2)
        for i in range(k + 1)
    ]
    assert mcnemar_exact(k, n - k) == pytest.approx(2 * sum(map(math.exp, logs)), rel=1e-9)


def test_runs_that_agree_on_every_row_may_differ_by_what_so_few_rows_miss():
    same = np.array([True, False] * 20)
    found = compare_verdicts("t", "exact_match", same, same)
    assert (found.difference, found.p) == (0, 1)
    assert (1 - found.high) ** 40 == pytest.approx(0.05)  # so often forty rows would show no difference
    assert found.low == -found.high


def test_the_difference_is_paired():
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


def test_rows_are_matched_by_what_is_asked_and_not_by_their_place():
    first = read_answers(
        [
            table_row("t", "a", "x", string="true"),
            table_row("t", "a", "x", string="false"),
            table_row("t", "b", "y", "invalid", string="false"),
            table_row("u", "b", "y", string="true", canonical=""),
        ]
    )
    second = read_answers(
        [
            table_row("t", "b", "y", string="true"),
            table_row("t", "c", "z", string="true"),
            table_row("t", "a", "x", string="true"),
            table_row("t", "a", "x", string="true"),
        ]
    )
    exact, readable = compare_answers(first, second)
    assert (exact.metric, exact.rows, exact.only_first, exact.only_second) == ("exact_match", 3, 0, 2)
    assert (readable.metric, readable.first, readable.second) == ("readable", pytest.approx(2 / 3), 1.0)
    with pytest.raises(ValueError, match=r"rows in common .* none among 4 and 1 rows"):
        compare_answers(first, read_answers([table_row("t", "q", "q", string="true")]))


def run(folder, answers):
    pairs = [Pair(f"in {n}", "CCO", answer) for n, answer in enumerate(answers)]
    trainer = make_trainer(folder, [PredictionTable()])
    trainer.test(ScriptedModel(pairs), datamodule=StubData(pairs), verbose=False)


def test_the_command_compares_two_run_folders(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    run(tmp_path / "old", ["CCO", "CC", "CC", "C(", "CC", "CC", "CC"])
    run(tmp_path / "new", ["CCO", "CCO", "OCC", "CCO", "CCO", "CCO", "CCO", "CCO"])
    main([str(tmp_path / "old"), str(tmp_path / "new"), "--output", str(tmp_path / "both.csv")])
    printed = capsys.readouterr().out
    assert "exact_match_canonical" in printed
    assert "+85.7" in printed
    assert "1 rows are in one of the tables only" in printed
    with (tmp_path / "both.csv").open(newline="") as file:
        lines = {line["metric"]: line for line in csv.DictReader(file)}
    assert lines["exact_match"]["only_second"] == "5"
    assert float(lines["exact_match"]["p"]) == 2 / 2**5
    assert float(lines["exact_match_canonical"]["p"]) == 2 / 2**6
    assert lines["readable"]["only_second"] == "1"
    assert "first: test/predictions/test_epoch_0.csv" in printed


def test_without_predictions_the_error_says_what_to_do(tmp_path, capsys):
    with pytest.raises(SystemExit):
        main([str(tmp_path), str(tmp_path)])
    assert (
        "expected a run's folder with predictions, or a table of them, but there is none: run"
        in capsys.readouterr().err
    )
