from __future__ import annotations

from types import MappingProxyType

import numpy as np
import pytest

from callbacks.loggers.wandb_logger import DashboardLogger
from callbacks.metrics.confidence import Confidence
from callbacks.metrics.constrained_decoding import ConstrainedDecoding
from callbacks.metrics.error_classes import ErrorClasses
from callbacks.metrics.exact_match import ExactMatch
from callbacks.metrics.fingerprint_similarity import FingerprintSimilarity
from callbacks.metrics.phoneme_errors import PhonemeErrors
from callbacks.metrics.round_trip import RoundTrip
from callbacks.metrics.row_metric import RowMetric, mean_estimate
from callbacks.metrics.text_similarity import TextSimilarity
from callbacks.metrics.validity import Validity
from callbacks.statistics.intervals import bootstrap_interval, wilson_interval
from tests.helpers.callback_stubs import (
    Pair,
    ScriptedModel,
    StubData,
    finish_wandb,
    make_trainer,
    read_axes,
)


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


@pytest.mark.parametrize(
    ("metric", "better"),
    [
        (ExactMatch, {"exact_match": True, "exact_match_canonical": True, "exact_match_value": True}),
        (Validity, {"validity": True}),
        (TextSimilarity, {"char_bleu": True, "edit_similarity": True, "edit_distance": False}),
        (PhonemeErrors, {"phoneme_error_rate": False, "phoneme_error_rate_without_stress": False}),
        (FingerprintSimilarity, {"morgan": True, "maccs_valid": True, "rdk": True}),
        (RoundTrip, {"round_trip": True, "round_trip_tautomer": True, "readable": True}),
        (ErrorClasses, {"outcome_exact": True, "outcome_invalid": False, "outcome_stereo": None}),
        (Confidence, {"ece": False, "aurc": False, "coverage": True, "right_answered": True}),
        (ConstrainedDecoding, {"steered": None, "gave_up": False}),
        (Length, {"length": None}),
    ],
)
def test_each_metric_says_which_way_is_better(metric, better):
    declared = metric().higher_is_better
    assert {name: declared.get(name) for name in better} == better


def test_the_wandb_run_keeps_the_best_value_of_each_direction(tmp_path, wandb_home):
    class Cost(Length):
        headline = None
        columns = ("cost", "gain", "size")
        higher_is_better = MappingProxyType({"cost": False, "gain": True, "size": None})

        def score(self, evaluation):
            return [dict.fromkeys(self.columns, 1.0) for _ in evaluation.rows]

    logger = DashboardLogger(save_dir=str(tmp_path), offline=True)
    trainer = make_trainer(tmp_path, [Cost()], logger=logger)
    trainer.fit(ScriptedModel(PAIRS), datamodule=StubData(PAIRS))
    finish_wandb(tmp_path)
    axes = read_axes(tmp_path)
    assert axes["val/a/cost"] == ("epoch", "min")
    assert axes["val/a/gain"] == ("epoch", "max")
    assert axes["val/a/size"] == ("epoch", None)
    assert axes["train/loss"] == ("trainer/global_step", "min")


def test_all_metrics_of_a_run(tmp_path):
    pairs = [
        Pair("ethanol", "CCO", "CCO"),
        Pair("propane", "CCC", "CCO"),
        Pair("water", "O", "("),
        Pair("water", "w", "w", "spell", "text"),
    ]
    callbacks = [FingerprintSimilarity(), ExactMatch(), Validity(), TextSimilarity()]
    trainer = make_trainer(tmp_path, callbacks)
    trainer.validate(ScriptedModel(pairs), datamodule=StubData(pairs), verbose=False)
    metrics = {name: float(value) for name, value in trainer.callback_metrics.items()}
    assert metrics["val/to_smiles/exact_match"] == pytest.approx(1 / 3)
    low, high = wilson_interval(1, 3)
    assert metrics["val/to_smiles/exact_match_low"] == pytest.approx(low)
    assert metrics["val/to_smiles/exact_match_high"] == pytest.approx(high)
    assert metrics["val/exact_match"] == pytest.approx((1 / 3 + 1) / 2)
    assert metrics["val/to_smiles/validity"] == pytest.approx(2 / 3)
    assert metrics["val/validity"] == pytest.approx((2 / 3 + 1) / 2)
    assert metrics["val/to_smiles/maccs_valid"] == pytest.approx(metrics["val/to_smiles/maccs"] * 3 / 2)
    assert "val/spell/maccs" not in metrics
    assert "val/spell/exact_match_canonical" not in metrics
