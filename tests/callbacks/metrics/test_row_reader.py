from __future__ import annotations

import pytest
import torch
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.strategies import SingleDeviceStrategy

from callbacks.metrics import row_reader
from callbacks.metrics.confidence import Confidence
from callbacks.metrics.error_classes import ErrorClasses
from callbacks.metrics.exact_match import ExactMatch
from callbacks.metrics.round_trip import RoundTrip
from callbacks.metrics.row_reader import EvaluatedRows, RowReader
from callbacks.metrics.stratified_match import StratifiedMatch
from callbacks.metrics.validity import Validity
from callbacks.reports.audit_report import AuditReport
from callbacks.reports.baselines import Baselines
from callbacks.reports.prediction_table import PredictionTable
from callbacks.reports.rerank import Rerank
from callbacks.rows import evaluation as evaluation_module
from callbacks.rows.notation_calls import NotationCalls
from tests.helpers.callback_stubs import Pair, ScriptedModel, StubData, make_trainer


class Reader(RowReader):
    def __init__(self):
        super().__init__()
        self.calls = []

    def read_rows(self, trainer, pl_module, stage, evaluation):
        self.calls.append((stage, evaluation.rows))


PAIRS = [Pair(f"in {i}", f"out {i}", f" out {i}\n", "t", "text") for i in range(7)]


@pytest.mark.parametrize("readers", [1, 3])
def test_each_reader_gets_every_row_once_wherever_it_stands(tmp_path, readers):
    callbacks = [Reader() for _ in range(readers)]
    trainer = make_trainer(tmp_path, [callbacks[0], Callback(), *callbacks[1:]])
    trainer.validate(ScriptedModel(PAIRS), datamodule=StubData(PAIRS, repeat=True), verbose=False)
    for reader in callbacks:
        [(stage, rows)] = reader.calls
        assert stage == "val"
        assert [row.index for row in rows] == list(range(7))
        assert rows[3].prediction == "out 3"
        assert (rows[3].input, rows[3].target, rows[3].task) == ("in 3", "out 3", "t")
        assert (rows[3].score, rows[3].stopped, rows[3].num_tokens) == (-2.5, False, 4)


def test_every_epoch_starts_empty_and_the_sanity_check_is_not_read(tmp_path):
    reader = Reader()
    trainer = make_trainer(tmp_path, [reader], max_epochs=3, num_sanity_val_steps=2)
    trainer.fit(ScriptedModel(PAIRS), datamodule=StubData(PAIRS))
    assert [(stage, len(rows)) for stage, rows in reader.calls] == [("val", 7)] * 3


def test_a_batch_offered_twice_and_filler_rows_count_nothing():
    outputs = {
        "row_index": torch.tensor([2, -1, 2, 0]),
        "prediction": ["b", "filler", "b again", "a"],
        "score": torch.zeros(4),
        "stopped": torch.ones(4, dtype=torch.bool),
        "num_tokens": torch.ones(4, dtype=torch.int64),
    }
    collected = EvaluatedRows()
    new = collected.add((0, 0), outputs, StubData(PAIRS), "val")
    assert [row.index for row in new] == [2, 0]
    assert collected.add((0, 0), {**outputs, "prediction": ["x"] * 4}, StubData(PAIRS), "val") == []
    assert [(row.index, row.prediction) for row in collected.answers().values()] == [(0, "a"), (2, "b")]


def test_the_rows_of_a_batch_are_judged_by_what_the_readers_ask_as_soon_as_they_are_there(
    tmp_path, monkeypatch
):
    class Asking(Reader):
        asks = ("same", "invalid_reason")

    class OfTest(Reader):
        stages, asks = ("test",), ("similarity",)

    judged = []
    monkeypatch.setattr(
        row_reader,
        "judge_ahead",
        lambda calls, rows, asks: judged.append(([row.index for row in rows], asks)),
    )
    trainer = make_trainer(tmp_path, [Asking(), Reader(), OfTest(), Asking()])
    trainer.validate(ScriptedModel(PAIRS), datamodule=StubData(PAIRS), verbose=False)
    assert judged == [([0, 1, 2, 3], ["same", "invalid_reason"]), ([4, 5, 6], ["same", "invalid_reason"])]


def test_a_step_without_generation_gives_no_rows(tmp_path):
    class Silent(ScriptedModel):
        def validation_step(self, batch, batch_idx):
            return None

    reader = Reader()
    make_trainer(tmp_path, [reader]).validate(Silent(PAIRS), datamodule=StubData(PAIRS), verbose=False)
    assert reader.calls == [("val", [])]


def test_predict_rows_have_no_target(tmp_path):
    class OfPredict(Reader):
        stages = ("predict",)

    reader = OfPredict()
    make_trainer(tmp_path, [reader]).predict(ScriptedModel(PAIRS), datamodule=StubData(PAIRS))
    assert [row.target for row in reader.calls[0][1]] == [None] * 7


def test_all_readers_get_the_same_evaluation_and_ranks_agree_on_names_once(tmp_path, monkeypatch):
    class Keeping(Reader):
        def read_rows(self, trainer, pl_module, stage, evaluation):
            self.calls.append(evaluation)

        def wants_names(self, trainer):
            return True

    agreed = []
    monkeypatch.setattr(
        SingleDeviceStrategy, "reduce_boolean_decision", lambda *_, **options: agreed.append(options) or False
    )
    callbacks = [Keeping(), Keeping(), Keeping()]
    trainer = make_trainer(tmp_path, callbacks)
    trainer.validate(ScriptedModel(PAIRS), datamodule=StubData(PAIRS), verbose=False)
    [first] = callbacks[0].calls
    assert all(callback.calls == [first] for callback in callbacks)
    assert agreed == [{"all": False}]
    assert first.calls is callbacks[0].shared.calls


def test_what_is_known_outlives_a_stage_and_the_children_do_not(tmp_path):
    class Judging(Reader):
        asks = ("same",)

        def read_rows(self, trainer, pl_module, stage, evaluation):
            self.calls.append((stage, evaluation))
            assert evaluation.sameness[0]["string"]

    reader, data = Judging(), StubData(PAIRS)
    trainer = make_trainer(tmp_path, [reader])
    reader.shared.calls = calls = NotationCalls(workers=1)
    trainer.validate(ScriptedModel(PAIRS), datamodule=data, verbose=False)
    answered = dict(calls.pool._answers)
    assert len(answered) == len(PAIRS)
    assert calls.pool._active is None
    trainer.test(ScriptedModel(PAIRS), datamodule=data, verbose=False)
    assert calls.pool._answers == answered
    (_, first), (_, second) = reader.calls
    assert first is not second
    assert first.training is second.training
    trainer.test(ScriptedModel(PAIRS), datamodule=StubData(PAIRS), verbose=False)
    assert reader.calls[2][1].training is not first.training


def test_the_epochs_of_a_fit_compute_no_outcomes(tmp_path, monkeypatch):
    monkeypatch.setattr(
        evaluation_module,
        "find_molecules",
        lambda *_: pytest.fail("molecules are for validate and test only"),
    )
    metrics = [ExactMatch(), Validity(), RoundTrip(), ErrorClasses(), StratifiedMatch(), Confidence(), Baselines(),
               Rerank(), AuditReport(), PredictionTable()]  # fmt: skip
    trainer = make_trainer(tmp_path, metrics)
    trainer.fit(ScriptedModel(PAIRS), datamodule=StubData(PAIRS))
    assert "val/t/exact_match" in trainer.callback_metrics
