from __future__ import annotations

from typing import Any

import pytest

from callbacks.loggers.metrics_csv import MetricsCSV
from callbacks.metrics.exact_match import ExactMatch
from callbacks.metrics.kinds.number_errors import NumberErrors
from callbacks.metrics.validity import Validity
from callbacks.reports.epoch_lines import (
    COLUMNS,
    KIND_COLUMNS,
    EpochLines,
    describe_example,
    epoch_lines,
    format_line,
)
from callbacks.reports.epoch_table import write_epochs
from callbacks.rows.evaluated_row import EvaluatedRow
from datamodules.storage.safe_csv import read_csv
from datamodules.tasks import Side, Task
from tests.helpers.callback_stubs import Pair, ScriptedModel, StubData, make_trainer

METRICS = {
    "train/loss": 0.5214, "train/rows_per_second": 1234.5, "val/loss": 0.79, "val/exact_match": 1.0,
    "val/a/exact_match": 1.0, "val/a/exact_match_low": 0.962, "val/a/exact_match_high": 1.0, "val/a/validity": 0.982,
}  # fmt: skip


def test_the_line_of_an_epoch_holds_all_and_fits_80_columns() -> None:
    [line] = epoch_lines("12/100", METRICS, ["a"], True, 400_000)
    for cell in ("12/100", "0.521", "0.790", "100.0 % (96.2 to 100.0)", "98.2 %", "1,234", "4.6 days"):
        assert cell in line
    assert len(format_line(list(COLUMNS))) < 80
    assert len(line) <= 80


def test_names_of_tasks_stay_whole_in_a_pipe() -> None:
    name = "a_task_whose_name_is_longer_than_its_column"
    metrics = METRICS | {key.replace("/a/", f"/{name}/"): value for key, value in METRICS.items()}
    for whole in (True, False):
        lines = epoch_lines("1/4", metrics, [name, "a"], True, 5, whole_names=whole)
        assert (name in lines[1]) == whole
        assert "98.2 %" in lines[1]


def test_values_of_an_earlier_validation_are_not_shown_as_this_ones() -> None:
    [line] = epoch_lines("2/4", METRICS, ["a"], False, 5)
    assert line.split() == ["2/4", "0.521", "-", "-", "-", "1,234", "5", "s"]


def test_each_of_several_tasks_has_a_line_below_the_mean() -> None:
    lines = epoch_lines("1/4", METRICS, ["a", "b"], True, 5)
    assert "100.0 %" in lines[0]
    assert [line.split()[0] for line in lines[1:]] == ["a", "b"]
    assert "(96.2 to 100.0)" in lines[1]


@pytest.mark.parametrize(
    ("prediction", "end"), [("ethanol", "-> ethanol  (right)"), ("", "-> (nothing)  (expected: ethanol)")]
)
def test_an_example_tells_what_was_right(prediction: str, end: str) -> None:
    row: Any = EvaluatedRow.__new__(EvaluatedRow)
    for name, value in (("input", "CCO"), ("prediction", prediction), ("target", "ethanol")):
        object.__setattr__(row, name, value)
    assert describe_example(row, 79) == f"  CCO {end}"
    object.__setattr__(row, "input", "C" * 200)
    assert len(describe_example(row, 79)) <= 79


def test_fit_prints_a_line_an_epoch_and_examples(tmp_path: Any, capsys: pytest.CaptureFixture[str]) -> None:
    pairs = [Pair("a", "CCO", "CCO"), Pair("b", "CCO", "(")]
    trainer = make_trainer(tmp_path, [ExactMatch(), Validity(), EpochLines()], max_epochs=3)
    trainer.fit(ScriptedModel(pairs), datamodule=StubData(pairs))
    printed = capsys.readouterr().out
    assert [line.split()[0] for line in printed.splitlines() if "50.0 % (" in line] == ["1/3", "2/3", "3/3"]
    assert printed.count("exact match (95 %)") == 1
    assert printed.index("3/3") < printed.index("Examples of the last validation:")
    assert "(right)" in printed


def test_an_epochs_loss_is_the_mean_that_epochs_csv_has(
    tmp_path: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    pairs = [Pair("a", "CCO", "CCO")] * 6
    trainer = make_trainer(tmp_path, [ExactMatch(), EpochLines()], max_epochs=2, logger=MetricsCSV(tmp_path))
    trainer.fit(ScriptedModel(pairs), datamodule=StubData(pairs, batch_size=2))
    shown = [line.split()[1] for line in capsys.readouterr().out.splitlines() if "100.0 % (" in line]
    write_epochs(tmp_path)
    written = [f"{float(line['train_loss']):.3f}" for line in read_csv(tmp_path / "epochs.csv")]
    assert shown == written == ["0.683", "0.179"]


KINDS = {
    "train/loss": 0.5, "val/loss": 0.79, "val/auroc": 0.912, "val/t/auroc": 0.912, "val/t/auroc_low": 0.88,
    "val/t/auroc_high": 0.94, "val/t/exact_match": 1.0, "val/t/exact_match_low": 0.701, "val/t/exact_match_high": 1.0,
    "val/n/mae_all": 0.614, "val/n/exact_match": 0.0, "val/exact_match": 0.5,
}  # fmt: skip


def test_a_task_of_another_kind_shows_its_headline() -> None:
    assert "headline (95 %)" in format_line(list(KIND_COLUMNS), KIND_COLUMNS)
    assert len(format_line(list(KIND_COLUMNS), KIND_COLUMNS)) < 80
    [line] = epoch_lines("1/4", KINDS, ["t"], True, 5, {"t": ""})
    assert "AUROC 0.912 (0.880 to 0.940)" in line
    assert len(line) < 80
    lines = epoch_lines("1/4", KINDS, ["t", "n"], True, 5, {"t": "", "n": "°C"})
    assert lines[0].split() == ["1/4", "0.500", "0.790", "-", "-", "5", "s"]  # two kinds have no mean
    assert lines[2].split() == ["n", "MAE", "0.61", "°C"]
    assert "exact" not in "".join(lines)
    [line] = epoch_lines("2/4", KINDS, ["t"], False, 5, {"t": ""})
    assert line.split() == ["2/4", "0.500", "-", "-", "-", "5", "s"]


def test_tasks_of_one_kind_have_a_mean() -> None:
    metrics = {**KINDS, "val/u/auroc": 0.5, "val/auroc": 0.706}
    assert "AUROC 0.706" in epoch_lines("1/4", metrics, ["t", "u"], True, 5, {"t": "", "u": ""})[0]
    of_numbers = {"val/n/mae_all": 0.5, "val/m/mae_all": 1.5, "val/mae_all": 1.0}
    assert "MAE 1.00 K" in epoch_lines("1", of_numbers, ["n", "m"], True, 5, {"n": "K", "m": "K"})[0]
    assert "MAE" not in epoch_lines("1", of_numbers, ["n", "m"], True, 5, {"n": "K", "m": "g"})[0]


def test_a_task_that_is_never_trained_is_in_no_mean() -> None:
    lines = epoch_lines("1/4", KINDS, ["t", "n"], True, 5, {"t": "", "n": ""}, held_out=["n"])
    assert "AUROC 0.912 (0.880 to 0.940)" in lines[0]
    assert len(lines) == 3


def test_fit_prints_the_headline_of_a_task_of_numbers(
    tmp_path: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    pairs = [Pair("a", "1.5", "1.0", "n", "number"), Pair("b", "2.5", "2.5", "n", "number")]
    trainer = make_trainer(tmp_path, [ExactMatch(), NumberErrors(), EpochLines()])
    trainer.fit(ScriptedModel(pairs), datamodule=StubData(pairs))
    printed = capsys.readouterr().out
    assert "headline (95 %)" in printed
    assert "MAE 0.25 (0.00 to 0.50)" in printed


class WithMade(StubData):
    """The pairs' task, and one that only trains."""

    @property
    def tasks(self) -> list[Task]:
        return [*super().tasks, Task("made", Side("input"), Side("output"), only_trains=True)]

    @property
    def task_names(self) -> list[str]:
        return [task.name for task in self.tasks]


def test_a_task_that_only_trains_has_no_line(tmp_path: Any, capsys: pytest.CaptureFixture[str]) -> None:
    pairs = [Pair("a", "CCO", "CCO")]
    trainer = make_trainer(tmp_path, [ExactMatch(), EpochLines()])
    trainer.fit(ScriptedModel(pairs), datamodule=WithMade(pairs))
    printed = capsys.readouterr().out
    assert "100.0 % (" in printed
    assert "made" not in printed
