from __future__ import annotations

import pytest

from callbacks.reports.page.run_files import read_run
from callbacks.reports.page.sections import (
    draw_confidence,
    draw_fit,
    list_metrics,
    list_outcomes,
    list_results,
    list_strata,
    name_strata,
)
from callbacks.reports.page.tally import tally
from tests.helpers.run_folders import write_fit, write_test


@pytest.fixture
def files(tmp_path):
    return read_run(write_test(write_fit(tmp_path / "runs" / "mine")))


def test_results_are_followed_by_their_baselines(files):
    fit, test = (list_results(side) for side in files.sides)
    assert [(line.name, line.is_baseline, line.rows) for line in test] == [
        ("draw", False, 3), ("nearest <b>row</b>", True, 3), ("spell", False, 1),
    ]  # fmt: skip
    assert [cell.text for cell in fit[0].cells[:3]] == ["33.3 % (6.1 to 79.2)", "-", "66.7 %"]
    assert test[0].cells[1].text == "33.3 % (6.1 to 79.2)"  # right
    assert [cell.text for cell in test[1].cells[:3]] == ["25.0 %", "-", "100.0 %"]


def test_metrics_have_a_line_each_without_their_bounds(files):
    assert [name for name, _ in list_metrics(files.sides[0])["draw"]] == ["exact_match", "validity"]


def test_outcomes_count_all_predictions_the_best_first(files):
    fit, test = (list_outcomes(side) for side in files.sides)
    assert [(line.kind, line.name, line.rows) for line in test["draw"]] == [
        ("right", "exact", 1), ("wrong", "formula", 1), ("invalid", "invalid", 1),
    ]  # fmt: skip
    assert test["draw"][2].reasons == [("unbalanced parenthesis", 1)]
    assert [line.name for line in fit["draw"]] == ["exact", "wrong", "invalid"]
    assert [line.share.text for line in fit["spell"]] == ["100.0 % (20.7 to 100.0)"]


def test_a_wrong_choice_and_a_wrong_number_are_called_so(tmp_path):
    wrong = {"verdict": "wrong", "outcome": "different", "input": "a", "target": "1", "prediction": "2"}
    rows = [{**wrong, "task": "n", "output_notation": "number"}, {**wrong, "task": "t"}]
    [_, side] = read_run(write_test(write_fit(tmp_path / "runs" / "a"), rows)).sides
    number, choice = side.predictions.shown
    found = list_outcomes(side._replace(predictions=tally([{**choice, "p_1": "0.4", "p_2": "0.6"}, number])))
    assert {task: line.meaning for task, [line] in found.items()} == {
        "t": "another choice",
        "n": "another number",
    }


def test_strata_and_confidence_are_those_of_the_files(files):
    assert list_strata(files.sides[0]) == {}
    [line] = list_strata(files.sides[1])["draw"]
    assert (line.name, line.bin, line.exact.text) == ("input length", "0 to 10", "33.3 % (6.0 to 79.0)")
    assert draw_confidence(files.sides[0]) == []
    [chart] = draw_confidence(files.sides[1])
    assert chart.lines[0].dots[0][2] == "draw: 33.3 % (6.0 to 79.0) at probability 0.4"


def test_shares_of_exact_answers_are_not_told_of_numbers(files):
    side = files.sides[1]
    tasks = {task: {**metrics, "mae_all": 0.5} for task, metrics in side.summary["tasks"].items()}
    numbers = side._replace(summary={**side.summary, "tasks": tasks})
    assert (list_strata(numbers), draw_confidence(numbers)) == ({}, [])


def test_numbers_have_their_error_and_choices_their_accuracy_by_kind_of_row(files):
    side = files.sides[1]
    tasks = {"draw": {"rows": 3, "mae_all": 0.5}, "spell": {"rows": 3, "auroc": 0.5}}
    [line] = side.reports["strata"]
    numbers = dict(
        line, mae_all="0.5", mae_all_low="0.25", mae_all_high="0.75", exact_match="", low="", high=""
    )
    side = side._replace(
        summary={"tasks": tasks, "units": {"draw": "°C"}},
        reports={"strata": [numbers, dict(line, task="spell")]},
    )
    found = list_strata(side)
    assert found["draw"][0].error.text == "0.50 °C (0.25 to 0.75)"
    assert (name_strata(side, "draw"), name_strata(side, "spell")) == (
        [("MAE", "error")],
        [("accuracy", "exact")],
    )
    assert found["spell"][0].exact.text == "33.3 % (6.0 to 79.0)"


def test_curves_are_those_of_the_epochs(files):
    loss, exact, speed = draw_fit(files)
    assert [line.name for line in loss.lines] == ["training", "validation"]
    assert [line.name for line in exact.lines] == ["draw", "spell"]
    assert speed.lines[0].last == "41"
