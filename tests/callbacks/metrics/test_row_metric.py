from __future__ import annotations

import numpy as np
import pytest

from callbacks.metrics.row_metric import RowMetric, mean_estimate
from callbacks.statistics.intervals import bootstrap_interval, wilson_interval
from tests.callbacks.callback_stubs import Pair, ScriptedModel, StubData, make_trainer


class Length(RowMetric):
    columns = ("length", "even")
    headline = "length"

    def score(self, evaluation):
        return [
            {"length": len(row.prediction), **({"even": 1.0} if len(row.prediction) % 2 == 0 else {})}
            for row in evaluation.rows
        ]


PAIRS = [Pair("", "", "x" * i, "a" if i < 6 else "b", "text") for i in range(1, 8)]


def validate(tmp_path, callbacks, pairs=PAIRS, **options):
    trainer = make_trainer(tmp_path, callbacks)
    trainer.validate(ScriptedModel(pairs), datamodule=StubData(pairs, **options), verbose=False)
    return {name: float(value) for name, value in trainer.callback_metrics.items()}


def test_metrics_are_logged_per_task_with_interval_and_headline(tmp_path):
    metrics = validate(tmp_path, [Length()])
    assert metrics["val/a/length"] == 3.0
    assert metrics["val/b/length"] == 6.5
    assert metrics["val/length"] == pytest.approx((3.0 + 6.5) / 2)
    low, high = bootstrap_interval(np.arange(1.0, 6))
    assert metrics["val/a/length_low"] == pytest.approx(low)
    assert metrics["val/a/length_high"] == pytest.approx(high)
    assert "val/length_low" not in metrics


def test_a_score_that_does_not_apply_is_left_out_of_the_mean(tmp_path):
    pairs = [Pair("", "", text, "a", "text") for text in ("x", "xx", "xxx")] + [
        Pair("", "", "x", "b", "text")
    ]
    metrics = validate(tmp_path, [Length()], pairs)
    assert metrics["val/a/even"] == 1.0
    assert "val/b/even" not in metrics


def test_metrics_do_not_depend_on_the_order_of_the_callbacks(tmp_path):
    class Other(Length):
        columns = ("letters",)
        headline = None

        def score(self, evaluation):
            return [{"letters": row.prediction.count("x")} for row in evaluation.rows]

    assert validate(tmp_path, [Length(), Other()]) == validate(tmp_path, [Other(), Length()])


def test_test_metrics_have_their_own_names(tmp_path):
    trainer = make_trainer(tmp_path, [Length()])
    trainer.test(ScriptedModel(PAIRS), datamodule=StubData(PAIRS), verbose=False)
    assert float(trainer.callback_metrics["test/a/length"]) == 3.0


def test_the_sanity_check_logs_nothing(tmp_path):
    trainer = make_trainer(tmp_path, [Length()], num_sanity_val_steps=-1, max_epochs=1, limit_train_batches=0)
    trainer.fit(ScriptedModel(PAIRS), datamodule=StubData(PAIRS))
    assert not [name for name in trainer.callback_metrics if name.startswith("val/")]


def test_mean_estimate_chooses_the_interval():
    values = np.array([1.0, 0.0, 1.0, 1.0])
    assert mean_estimate(values, "wilson") == (0.75, *wilson_interval(3, 4))
    assert mean_estimate(values, "bootstrap") == (0.75, *bootstrap_interval(values))
