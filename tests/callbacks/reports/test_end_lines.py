from __future__ import annotations

import shlex
import sys
from pathlib import Path

from callbacks.reports.end_lines import (
    describe_choices,
    describe_end,
    describe_evaluation,
    describe_numbers,
    next_commands,
)
from datamodules.flag_tasks import choose_tasks
from datamodules.tasks import load_task


def test_summary_lines_tell_only_what_was_measured():
    assert describe_evaluation("t", {"exact_match": 0.5}) == []
    metrics = {
        "round_trip": 0.5, "round_trip_low": 0.4, "round_trip_high": 0.6, "round_trip_tautomer": 0.55,
        "round_trip_without_stereo": 0.6, "readable": 0.9, "outcome_exact": 0.25, "outcome_stereo": 0.75,
        "outcome_invalid": 0.0,
    }  # fmt: skip
    invalid = {"exact_match": 0.5, "outcome_exact": 0.5, "outcome_invalid": 0.5}
    assert describe_evaluation("t", invalid) == ["t, outcomes: exact 50.0 %; not well-formed 50.0 %"]
    assert describe_evaluation("t", metrics | invalid)[-1] == (
        "t, outcomes: exact 50.0 %; same but for stereo 75.0 %; not read by OPSIN 50.0 %"
    )
    assert describe_evaluation("t", metrics) == [
        "t, names checked by OPSIN: 50.0 % (40.0 to 60.0) right, 55.0 % tautomer-insensitive, 60.0 % without stereo, "
        "90.0 % read by OPSIN",
        "t, outcomes: exact 25.0 %; same but for stereo 75.0 %",
    ]


CLASSES = {
    "auroc": 0.9, "accuracy": 0.8, "balanced_accuracy": 0.81, "balanced_accuracy_low": 0.7, "balanced_accuracy_high": 0.9,
    "average_precision": 0.7, "log_loss": 0.4, "calibration_error": 0.1, "recall_high": 0.5, "recall_high_low": 0.4,
    "recall_high_high": 0.6, "recall_low": 0.9, "outcome_exact": 0.8, "outcome_different": 0.2,
}  # fmt: skip


def test_a_task_with_choices_tells_its_classes_and_no_outcomes() -> None:
    [line] = describe_evaluation("toxic", CLASSES)
    assert line == (
        "toxic: accuracy 0.800, balanced accuracy 0.810 (0.700 to 0.900), average precision 0.700, log-loss 0.400, "
        "calibration error 0.100; recall high: 0.500 (0.400 to 0.600), low: 0.900"
    )
    many = {f"recall_c{place}": place / 10 for place in range(10)}
    assert describe_choices(many | {"log_loss": 1.0}).endswith("lowest recalls c0: 0.000, c1: 0.100, c2: 0.200, "
                                                               "c3: 0.300, c4: 0.400, c5: 0.500")  # fmt: skip


def test_a_task_of_numbers_tells_its_errors_in_its_unit() -> None:
    metrics = {
        "mae_all": 0.6,
        "rmse": 0.91,
        "rmse_low": 0.8,
        "rmse_high": 1.0,
        "is_number": 1.0,
        "outcome_different": 1.0,
    }
    assert describe_evaluation("logp", metrics, "°C") == [
        "logp: RMSE 0.91 °C (0.80 to 1.00), numbers 100.0 %"
    ]
    assert describe_numbers({"mae_all": 1.0, "is_number": 0.0}) == "numbers 0.0 %"  # no answer is one


def test_drawn_numbers_tell_their_mean_and_interval_and_nothing_abstained() -> None:
    metrics = {
        "mae_all": 0.6,
        "is_number": 1.0,
        "mae_expected": 0.5,
        "interval_coverage": 0.88,
        "interval_width": 2.0,
    }
    [line] = describe_evaluation("logp", metrics)
    assert line == "logp: numbers 100.0 %; mean of drawn numbers: MAE 0.50, their middle 90 % cover 88.0 %"


def test_phrasings_are_told_by_the_headline() -> None:
    def spread(name: str) -> dict[str, float]:
        ends = {"": 0.5, "_worst": 0.4, "_spread": 0.2, "_phrasing_1": 0.4, "_phrasing_2": 0.6}
        return {f"{name}{end}": value for end, value in ends.items()}

    assert describe_evaluation("t", spread("exact_match")) == [
        "t, exact match in 2 phrasings: mean 50.0 %, worst 40.0 %, spread 20.0 points"
    ]
    assert describe_evaluation("t", spread("exact_match") | spread("auroc")) == [
        "t, AUROC in 2 phrasings: mean 0.500, worst 0.400, spread 0.200"
    ]


def test_the_one_line_of_a_quiet_end_tells_each_headline() -> None:
    tasks = {"toxic": {"rows": 20, "auroc": 0.5}, "logp": {"rows": 9, "mae_all": 0.5}, "name": {"rows": 3}}
    summary = {"tasks": tasks, "units": {"logp": "K"}, "seconds": 61, "weights": "best.ckpt"}
    assert describe_end("fit", summary) == (
        "fit: toxic AUROC 0.500 of 20 rows, logp MAE 0.50 K of 9 rows, name exact match - of 3 rows, best.ckpt, 1 min 01 s"
    )


def test_predict_names_the_first_of_several_tasks_on_one_column() -> None:
    columns = choose_tasks(None, "smiles", "toxic,mw")[0]
    assert next_commands("test", Path("runs/a"), columns)[-1].endswith("new.csv --data.output_column toxic")
    named = [load_task("smiles_to_iupac"), load_task("smiles_to_formula")]
    assert next_commands("test", Path("runs/a"), named)[-1].endswith("new.csv --data.task smiles_to_iupac")
    spaced = choose_tasks(None, "smiles", '"IUPAC Name, long",mw')[0]
    test, predict = next_commands("fit", Path("my runs/a"), spaced)
    assert shlex.split(test)[-1] == "my runs/a"
    assert shlex.split(predict)[-3:] == ["new.csv", "--data.output_column", '"IUPAC Name, long"']
    both = [load_task("smiles_to_iupac"), load_task("iupac_to_smiles")]
    assert next_commands("test", Path("runs/a"), both)[-1].endswith("new.csv")


def test_next_commands_are_called_as_the_user_called_the_program(monkeypatch) -> None:
    monkeypatch.setattr(sys, "argv", ["/x/bin/patois", "fit"])
    assert all(command.startswith("patois ") for command in next_commands("fit", Path("runs/a")))
