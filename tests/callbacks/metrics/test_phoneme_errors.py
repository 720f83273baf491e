# ruff: noqa: RUF001 - IPA has letters that look like others
from __future__ import annotations

import re

import pytest
from torchmetrics.functional.text import word_error_rate

from callbacks.metrics.phoneme_errors import PhonemeErrors
from tests.helpers.callback_stubs import Pair, ScriptedModel, StubData, make_trainer


def test_phoneme_error_rate_equals_torchmetrics(tmp_path):
    spoken = [
        ("HH AH0 L OW1", "HH AH0 L OW1"),
        ("HH AA1 L OW0", "HH AH0 L OW1"),
        ("", "K AE1 T"),
        ("D AO1 G Z Z Z Z", "D AO1 G"),
        ("B ER1 D", "B ER0 D Z"),
    ]
    pairs = [Pair("", target, prediction, "t", "phonemes") for prediction, target in spoken]
    pairs.append(Pair("", "c", "a b", "other", "text"))
    trainer = make_trainer(tmp_path, [PhonemeErrors()])
    trainer.validate(ScriptedModel(pairs), datamodule=StubData(pairs), verbose=False)
    metrics = {name: float(value) for name, value in trainer.callback_metrics.items()}
    for name, change in (("", "none"), ("_without_stress", "012")):
        said, wanted = (
            [re.sub(f"[{change}]", "", text) for text in side] for side in zip(*spoken, strict=True)
        )
        rate = metrics[f"val/t/phoneme_error_rate{name}"]
        assert rate == pytest.approx(float(word_error_rate(said, wanted)), abs=1e-6)
        assert (
            metrics[f"val/t/phoneme_error_rate{name}_low"]
            < rate
            < metrics[f"val/t/phoneme_error_rate{name}_high"]
        )
    assert metrics["val/t/phoneme_error_rate_without_stress"] < metrics["val/t/phoneme_error_rate"]
    assert not any(name.startswith("val/other") for name in metrics)


def test_phoneme_error_rate_of_ipa_equals_torchmetrics(tmp_path):
    """Words and phonemes: the reference gets them by hand, with a space between sounds."""
    spoken = [
        ("b uː k", "b uː k", "b uː k", "b uː k"),
        ("h o s", "h ʉː s", "h o s", "h ʉː s"),
        ("ˈh ə l oʊ", "ˈh ə l", "h ə l oʊ", "h ə l"),
        ("həlo", "həˈloʊ", "h ə l o", "h ə l o ʊ"),
        ("t͡ʃiz", "t͡ʃiːz", "t͡ʃ i z", "t͡ʃ iː z"),
    ]
    pairs = [Pair("", target, prediction, "t", "ipa") for prediction, target, _, _ in spoken]
    trainer = make_trainer(tmp_path, [PhonemeErrors()])
    trainer.validate(ScriptedModel(pairs), datamodule=StubData(pairs), verbose=False)
    plain = float(trainer.callback_metrics["val/t/phoneme_error_rate_without_stress"])
    assert plain == pytest.approx(
        float(word_error_rate([row[2] for row in spoken], [row[3] for row in spoken])), abs=1e-6
    )
    # The stress that is left out is one sound more to miss, in one of 18.
    assert float(trainer.callback_metrics["val/t/phoneme_error_rate"]) == pytest.approx((1 + 1 + 2 + 1) / 18)
