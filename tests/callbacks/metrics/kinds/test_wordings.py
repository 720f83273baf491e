from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from torchmetrics.functional.text import bleu_score

from callbacks.metrics.kinds.wordings import Wordings, find_sources, ibleu
from callbacks.metrics.text_similarity import bleu_counts
from callbacks.statistics.intervals import wilson_interval
from lightning_modules.generation.generate import GenerationSettings
from tests.helpers.callback_stubs import Pair, ScriptedModel, StubData, make_trainer
from tests.helpers.fake_opsin import fake_opsin, no_java

MEANINGS = {"ethanol": "CCO", "ethyl alcohol": "CCO", "methanol": "CO", "hydroxyethane": "CCO"}
# Input, reference, answer: all references mean what the inputs mean.
SPELLED = [
    ("CCOCCN", "NCCOCC", "NCCOCC"),  # another spelling
    ("CCOCCN", "NCCOCC", "CCOCCN"),  # the input
    ("CCOCCN", "NCCOCC", "CCOCCO"),  # another molecule
    ("CCOCCN", "NCCOCC", "O(CC)CCN"),
]


def evaluate(folder: Path, rows, notation="smiles", block=0.0, stage="test"):
    pairs = [Pair(source, target, answer, "other", notation, notation) for source, target, answer in rows]
    model = ScriptedModel(pairs)
    model.generation = GenerationSettings(block=block)
    trainer = make_trainer(folder, [Wordings()])
    getattr(trainer, stage)(model, datamodule=StubData(pairs), verbose=False)
    found = trainer.callback_metrics.items()
    start = {"test": "test", "validate": "val"}[stage] + "/other/"
    return {name.removeprefix(start): float(value) for name, value in found if name.startswith(start)}, model


def corpus_bleu(answers, texts):
    """Independent: torchmetrics' BLEU over characters."""
    split = [[" ".join(text.replace(" ", "_")) for text in side] for side in (answers, texts)]
    return float(bleu_score(split[0], [[text] for text in split[1]], n_gram=4))


@pytest.mark.parametrize("stage", ["test", "validate"])
def test_other_spellings_are_counted_and_bleu_is_that_of_torchmetrics(tmp_path, stage):
    found, _ = evaluate(tmp_path, SPELLED, stage=stage)
    assert found["kept_meaning"] == 3 / 4
    assert found["other_wording"] == 2 / 4
    assert (found["other_wording_low"], found["other_wording_high"]) == pytest.approx(wilson_interval(2, 4))
    sources, targets, answers = zip(*SPELLED, strict=True)
    expected = corpus_bleu(answers, sources)
    assert found["source_bleu"] == pytest.approx(expected, abs=1e-5)
    assert found["ibleu"] == pytest.approx(0.8 * corpus_bleu(answers, targets) - 0.2 * expected, abs=1e-5)
    assert found["source_bleu_low"] <= found["source_bleu"] <= found["source_bleu_high"]


def test_ibleu_is_that_of_two_corpora_for_random_texts():
    draws = np.random.default_rng(0)
    for _ in range(20):
        answers, sources, targets = (
            ["".join(draws.choice(list("abc"), size=draws.integers(5, 20))) for _ in range(6)]
            for _ in range(3)
        )
        counts = np.array(
            [
                [*bleu_counts(answer, source), *bleu_counts(answer, target)]
                for answer, source, target in zip(answers, sources, targets, strict=True)
            ]
        ).sum(axis=0, keepdims=True)
        for alpha in (0.0, 0.8, 1.0):
            expected = alpha * corpus_bleu(answers, targets) - (1 - alpha) * corpus_bleu(answers, sources)
            assert ibleu(counts, alpha)[0] == pytest.approx(expected, abs=1e-5)


def test_names_are_read_by_opsin_and_without_it_only_their_text_counts(tmp_path):
    rows = [("ethanol", "hydroxyethane", answer) for answer in ("ethyl alcohol", "ethanol", "methanol")]
    with fake_opsin(MEANINGS):
        found, _ = evaluate(tmp_path, rows, "iupac")
    assert (found["kept_meaning"], found["other_wording"]) == pytest.approx((2 / 3, 1 / 3))
    with no_java():
        assert evaluate(tmp_path, rows, "iupac")[0] == {}
        blocked, _ = evaluate(tmp_path, rows, "iupac", block=0.5)
    assert "kept_meaning" not in blocked
    assert blocked["source_bleu"] == pytest.approx(found["source_bleu"])


def test_reactions_are_left_out_because_their_references_mean_something_else(tmp_path):
    assert evaluate(tmp_path, [("CCO", "CC=O", "CC=O"), ("CCN", "CC#N", "CCN")])[0] == {}
    mixed, _ = evaluate(tmp_path, [("CCO", "CC=O", "CCO"), ("CCN", "NCC", "NCC")])
    assert mixed["kept_meaning"] == mixed["other_wording"] == 1  # of the second row alone


def test_texts_are_measured_where_other_wordings_are_asked_for(tmp_path):
    rows = [("a red hat", "a hat, red", "a hat that is red")]
    assert evaluate(tmp_path, rows, "text")[0] == {}
    found, _ = evaluate(tmp_path, rows, "text", block=0.5)
    assert found["source_bleu"] == pytest.approx(corpus_bleu([rows[0][2]], [rows[0][0]]), abs=1e-5)
    assert {"kept_meaning", "other_wording"}.isdisjoint(found)


def test_the_model_gets_the_inputs_of_its_rows_and_only_where_it_blocks(tmp_path):
    _, free = evaluate(tmp_path, SPELLED)
    assert free.sources_of is None
    _, model = evaluate(tmp_path, SPELLED, block=0.5)
    assert model.sources_of([2, -1, 0]) == [("", "CCOCCN"), None, ("", "CCOCCN")]
    mixed = StubData(
        [
            Pair("CCO", "ethanol", "", "name", "iupac", "smiles"),
            Pair("CCO", "OCC", "", "spell", "smiles", "smiles"),
        ]
    )
    assert find_sources(mixed, "test", [0, 1]) == [None, ("", "CCO")]


def test_a_block_without_a_task_of_one_notation_is_an_error(tmp_path):
    pairs = [Pair("CCO", "ethanol", "ethanol", "name", "iupac", "smiles")]
    model = ScriptedModel(pairs)
    model.generation = GenerationSettings(block=0.5)
    with pytest.raises(
        ValueError, match=r"one notation for --model.generation.block 0.5, but got name \(smiles -> iupac\)"
    ):
        make_trainer(tmp_path, [Wordings()]).test(model, datamodule=StubData(pairs), verbose=False)
