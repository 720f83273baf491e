from __future__ import annotations

import pytest

from callbacks.metrics.exact_match import ExactMatch
from callbacks.run.row_count_check import FEWEST, RowCountCheck
from callbacks.statistics.intervals import wilson_interval
from tests.helpers.callback_stubs import Pair, ScriptedModel, StubData, make_trainer

PAIRS = [Pair("a", "CCO", "CCO")] * FEWEST


class NoRows(StubData):
    def num_rows(self, stage: str) -> int:
        return 0


@pytest.mark.parametrize("stage", ["fit", "validate", "test"])
@pytest.mark.parametrize("rows", [1, FEWEST - 1, FEWEST])
def test_few_rows_are_told(tmp_path, capsys, stage, rows):
    trainer = make_trainer(tmp_path, [RowCountCheck(), ExactMatch()])
    getattr(trainer, stage)(ScriptedModel(PAIRS), datamodule=StubData(PAIRS[:rows]))
    printed = capsys.readouterr().out
    assert ("Warning: " in printed) == (rows < FEWEST)
    if rows < FEWEST:
        said = "the best checkpoint is chosen on" if stage == "fit" else "metrics are measured on"
        side = "test" if stage == "test" else "val"
        assert f"{said} only {rows} row{'s' if rows > 1 else ''}. " in printed
        assert f"--data.{side}_fraction" in printed


@pytest.mark.parametrize(("rows", "told"), [(0, False), (6, True), (FEWEST, False)])
def test_a_small_test_side_is_told_at_the_fit(tmp_path, capsys, rows, told):
    data = StubData(PAIRS)
    data.report = {"rows": {"test": rows}}
    make_trainer(tmp_path, [RowCountCheck(), ExactMatch()]).fit(ScriptedModel(PAIRS), datamodule=data)
    assert ("a test of this run will measure only 6 rows. " in capsys.readouterr().out) == told


@pytest.mark.parametrize(("stage", "side"), [("validate", "val"), ("test", "test")])
def test_no_row_is_an_error(tmp_path, stage, side):
    trainer = make_trainer(tmp_path, [RowCountCheck()])
    with pytest.raises(ValueError, match=f"at least one {side} row for `{stage}`.*--data.{side}_fraction"):
        getattr(trainer, stage)(ScriptedModel(PAIRS), datamodule=NoRows(PAIRS))


def test_fitting_without_validation_rows_says_what_that_costs(tmp_path, capsys):
    trainer = make_trainer(tmp_path, [RowCountCheck()], limit_val_batches=0)
    trainer.fit(ScriptedModel(PAIRS), datamodule=NoRows(PAIRS))
    assert "no best checkpoint is chosen" in capsys.readouterr().out


def test_the_interval_at_the_fewest_is_as_wide_as_it_says():
    low, high = wilson_interval(FEWEST / 2, FEWEST)
    assert round(100 * (high - low)) == 34
