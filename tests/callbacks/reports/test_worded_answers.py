from __future__ import annotations

import json

import pyarrow.parquet as pq
import pytest

from callbacks.metrics.kinds.wordings import Wordings
from callbacks.metrics.round_trip import RoundTrip
from callbacks.reports.prediction_writer import PredictionWriter
from callbacks.reports.worded_answers import check_wordings, choose_wording, keep_wordings
from callbacks.rows.evaluated_row import EvaluatedRow
from callbacks.rows.evaluation import Evaluation
from datamodules.storage.safe_csv import read_csv
from lightning_modules.generation.generate import GenerationSettings
from tests.helpers.callback_stubs import Pair, ScriptedModel, StubData, make_trainer
from tests.helpers.fake_opsin import fake_opsin

DRAWN = [
    ("CCOC", -0.1, True), ("COC(C)", -2.0, True), ("COCC", -1.0, True), ("CCCO", -0.5, True), ("C(", -0.2, True),
    ("O(C)CC", -3.0, False),
]  # fmt: skip


def answers(drawn, notation="smiles", source="CCOC"):
    row = EvaluatedRow(
        0, "t", source, None, notation, notation, *drawn[0], num_tokens=3, candidates=tuple(drawn)
    )
    with fake_opsin({"ethanol": "CCO", "ethyl alcohol": "CCO", "methanol": "CO"}):
        [found] = check_wordings(Evaluation([row], reads_names=notation == "iupac"))
    return found


def texts(found):
    return [one.text for one in keep_wordings(found)]


def test_wordings_are_whole_other_strings_of_the_same_molecule_most_probable_first():
    found = answers(DRAWN)
    assert texts(found) == ["COCC", "COC(C)"]  # not the input, another molecule, invalid or cut
    chosen, verified = choose_wording(found)
    assert (chosen.text, verified) == ("COCC", "back")
    by_text = {one.answer.text: one.answer for one in found}
    assert by_text["CCCO"].doubt == "not the same molecule"
    assert by_text["C("].doubt is None
    assert "back" in by_text["CCOC"].passes


def test_the_input_itself_is_given_only_if_there_is_nothing_else():
    assert choose_wording(answers(DRAWN[:1]))[0].text == "CCOC"
    assert choose_wording(answers([DRAWN[0], DRAWN[3]]))[0].text == "CCCO"


def test_names_have_opsin_and_texts_nothing_that_tells():
    found = answers([("ethyl alcohol", -1.0, True), ("methanol", -2.0, True)], "iupac", "ethanol")
    assert texts(found) == ["ethyl alcohol"]
    assert found[1].answer.doubt == "by OPSIN: not the same molecule"
    found = answers([("a hat", -1.0, True), ("hat, a", -2.0, True)], "text", "a hat")
    assert texts(found) == ["hat, a"]
    assert choose_wording(found)[1] == "valid"


class Drawing(ScriptedModel):
    def predict_step(self, batch, batch_idx):
        outputs = self.validation_step(batch, batch_idx)
        drawn = [[(f"{text}<end>", *rest) for text, *rest in DRAWN] for _ in outputs["prediction"]]
        return outputs | {"candidates": drawn}


@pytest.mark.parametrize("block", [0.0, 0.5])
def test_predict_lists_the_wordings_where_they_are_asked_for(tmp_path, block):
    pairs = [Pair("CCOC", "", "CCOC", "spell", "smiles", "smiles")]
    cells = {2: {"id": "A"}}
    for ending in ("csv", "jsonl", "parquet"):
        output = tmp_path / f"answers.{ending}"
        model = Drawing(pairs)
        model.generation = GenerationSettings(block=block, candidates=6)
        data = StubData(pairs, predict_path="in.csv", cells=cells)
        callbacks = [PredictionWriter(output=str(output)), RoundTrip(), Wordings()]
        make_trainer(tmp_path, callbacks).predict(model, datamodule=data)
    [row] = read_csv(tmp_path / "answers.csv")
    [line] = [json.loads(text) for text in (tmp_path / "answers.jsonl").read_text().splitlines()]
    [typed] = pq.read_table(tmp_path / "answers.parquet").to_pylist()
    if not block:
        assert row["prediction"] == "CCOC"
        assert "wordings" not in row
        return
    assert [row[name] for name in ("prediction", "verified", "valid")] == ["COCC", "back", "true"]
    assert line["wordings"] == typed["wordings"] == json.loads(row["wordings"]) == ["COCC", "COC(C)"]
