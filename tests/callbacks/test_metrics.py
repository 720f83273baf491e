"""The metric callbacks, each against an independent computation."""

# ruff: noqa: RUF001 - IPA has letters that look like others
from __future__ import annotations

import re

import numpy as np
import pytest
from rapidfuzz.distance import Levenshtein
from rdkit import Chem
from rdkit.Chem import MACCSkeys
from rdkit.DataStructs import TanimotoSimilarity
from torchmetrics.functional.text import bleu_score, word_error_rate

from callbacks.metrics.exact_match import ExactMatch
from callbacks.metrics.fingerprint_similarity import FingerprintSimilarity
from callbacks.metrics.phoneme_errors import PhonemeErrors
from callbacks.metrics.text_similarity import TextSimilarity, bleu, bleu_counts
from callbacks.metrics.validity import Validity
from callbacks.rows.evaluated_row import EvaluatedRow
from callbacks.statistics.intervals import wilson_interval
from tests.callbacks.callback_stubs import Pair, ScriptedModel, StubData, make_trainer


def make_row(prediction, target, notation="smiles", index=0):
    return EvaluatedRow(index, "t", "in", target, "text", notation, prediction, -1.0, True, 3)


def scores(metric, *rows):
    return metric.score([make_row(*row, index=i) for i, row in enumerate(rows)])


def test_exact_match_by_each_notion():
    same_text, other_spelling, tautomer, mirror_image, wrong, broken = scores(
        ExactMatch(),
        ("CCO", "CCO"),
        ("OCC", "CCO"),
        ("Oc1ccccn1", "O=c1cccc[nH]1"),
        ("C[C@H](N)C(=O)O", "C[C@@H](N)C(=O)O"),
        ("CCC", "CCO"),
        ("CC(", "CCO"),
    )
    names = ["exact_match", "exact_match_canonical", "exact_match_inchikey", "exact_match_connectivity"]
    assert [same_text[name] for name in names] == [1, 1, 1, 1]
    assert [other_spelling[name] for name in names] == [0, 1, 1, 1]
    assert [tautomer[name] for name in names] == [0, 0, 1, 1]
    assert [mirror_image[name] for name in names] == [0, 0, 0, 1]
    assert [wrong[name] for name in names] == [0, 0, 0, 0]
    assert [broken[name] for name in names] == [0, 0, 0, 0]


def test_exact_match_of_text_has_one_notion():
    assert scores(ExactMatch(), ("a b", "a b", "text"), ("a", "b", "text")) == [
        {"exact_match": 1.0},
        {"exact_match": 0.0},
    ]


def test_exact_match_columns_hold_every_notion_of_every_notation():
    columns = ExactMatch().columns
    assert len(set(columns)) == len(columns)
    assert {"exact_match", "exact_match_canonical", "exact_match_value"} <= set(columns)


def test_validity_is_that_of_the_output_notation():
    rows = [
        ("CCO", "C"),
        ("C(C", "C"),
        ("", "C"),
        ("CCO CC", "C"),
        ("[C][O]", "[C]", "selfies"),
        ("C(C", "C", "text"),
    ]
    assert [score["validity"] for score in scores(Validity(), *rows)] == [1, 0, 0, 0, 1, 1]


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


def test_text_similarity_equals_torchmetrics_and_rapidfuzz(tmp_path):
    rng = np.random.default_rng(0)
    texts = ["".join(rng.choice(list("CNO()=1 "), size=rng.integers(1, 30))).strip() for _ in range(40)]
    pairs = [
        Pair("", a, (b + a[:9]).strip(), "t", "text") for a, b in zip(texts[:20], texts[20:], strict=True)
    ]
    trainer = make_trainer(tmp_path, [TextSimilarity()])
    trainer.validate(ScriptedModel(pairs), datamodule=StubData(pairs), verbose=False)
    metrics = {name: float(value) for name, value in trainer.callback_metrics.items()}

    def spell(text):
        return " ".join(text.replace(" ", "_"))

    expected = bleu_score(
        [spell(pair.prediction) for pair in pairs], [[spell(pair.target)] for pair in pairs]
    )
    assert metrics["val/t/bleu"] == pytest.approx(float(expected), abs=1e-6)
    assert metrics["val/t/bleu_low"] < metrics["val/t/bleu"] < metrics["val/t/bleu_high"]
    distances = [Levenshtein.distance(pair.prediction, pair.target) for pair in pairs]
    longest = [max(len(pair.prediction), len(pair.target)) for pair in pairs]
    assert metrics["val/t/edit_distance"] == pytest.approx(np.mean(distances))
    assert metrics["val/t/edit_similarity"] == pytest.approx(np.mean(1 - np.array(distances) / longest))


@pytest.mark.parametrize(
    ("prediction", "target"), [("", "abc"), ("abc", ""), ("abc", "abc"), ("abcdx", "abcd")]
)
def test_bleu_of_short_texts_equals_torchmetrics(prediction, target):
    ours = bleu(np.array([bleu_counts(prediction, target)]))[0]
    assert ours == pytest.approx(float(bleu_score([" ".join(prediction)], [[" ".join(target)]])), abs=1e-6)


def test_fingerprint_similarity_counts_invalid_as_zero_and_apart():
    alike, broken, text = scores(
        FingerprintSimilarity(), ("CCCO", "CCO"), ("CC(", "CCO"), ("CCO", "CCO", "text")
    )
    keys = [MACCSkeys.GenMACCSKeys(Chem.MolFromSmiles(smiles)) for smiles in ("CCCO", "CCO")]
    paths = [Chem.RDKFingerprint(Chem.MolFromSmiles(smiles)) for smiles in ("CCCO", "CCO")]
    assert alike["maccs"] == alike["maccs_valid"] == pytest.approx(TanimotoSimilarity(*keys))
    assert alike["rdk"] == pytest.approx(TanimotoSimilarity(*paths))
    assert broken == {"morgan": 0.0, "maccs": 0.0, "rdk": 0.0}
    assert text == {}


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
