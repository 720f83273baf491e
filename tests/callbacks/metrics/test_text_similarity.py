from __future__ import annotations

import numpy as np
import pytest
from rapidfuzz.distance import Levenshtein
from torchmetrics.functional.text import bleu_score

from callbacks.metrics.text_similarity import TextSimilarity, bleu, bleu_counts
from tests.helpers.callback_stubs import Pair, ScriptedModel, StubData, make_trainer, score_rows


def test_text_similarity_is_the_same_in_both_unicode_forms():
    scores = score_rows(TextSimilarity(), ("caf\u00e9", "cafe\u0301", "text"), ("cafe", "cafe\u0301", "text"))
    assert [score["edit_distance"] for score in scores] == [0, 1]


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
    assert metrics["val/t/char_bleu"] == pytest.approx(float(expected), abs=1e-6)
    assert metrics["val/t/char_bleu_low"] < metrics["val/t/char_bleu"] < metrics["val/t/char_bleu_high"]
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
