from __future__ import annotations

import json

import pyarrow.parquet as pq
import pytest

import train
from callbacks.metrics.kinds.wordings import Wordings
from callbacks.metrics.round_trip import RoundTrip
from callbacks.reports.prediction_writer import PredictionWriter
from callbacks.reports.worded_answers import check_wordings, choose_wording, keep_wordings
from callbacks.rows.evaluated_row import EvaluatedRow
from callbacks.rows.evaluation import Evaluation
from datamodules.storage.safe_csv import read_csv
from lightning_modules.generation import generate
from lightning_modules.generation.settings import GenerationSettings
from tests.helpers.callback_stubs import Pair, ScriptedModel, StubData, make_trainer
from tests.helpers.fake_opsin import fake_opsin
from tests.helpers.runs import write_tiny_base
from tests.helpers.small_tables import write_csv

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


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_run_words_texts_anew_the_same_in_any_batch(tmp_path, monkeypatch):
    """A whole `predict`: each prompt's own text is its source, and answers depend on the row alone."""
    texts = ["a red hat", "no hat", "one more red hat, and a coat", "hat", "coats and hats", "the last one"]
    write_csv(
        tmp_path / "pairs.csv",
        [["said", "meant"], *([f"{text} {n}", f"{text}; {n}"] for text in texts for n in range(6))],
    )
    (tmp_path / "new.jsonl").write_text("".join(json.dumps({"said": text}) + "\n" for text in texts))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WANDB_MODE", "disabled")
    train.main([
        "fit", "--name", "mine", "--model.base", write_tiny_base(tmp_path), "--data.source", "pairs.csv", "--data.input_column",
        "said", "--data.output_column", "meant", "--trainer.max_epochs", "1", "--trainer.enable_progress_bar", "false",
        "--model.generation.max_new_tokens", "12", "--data.val_fraction", "0.3", "--data.test_fraction", "0.2",
    ])  # fmt: skip
    seen = []

    def listen(tokenizer, source):
        seen.append(source)
        return find(tokenizer, source)

    find = generate.find_source_ids
    monkeypatch.setattr(generate, "find_source_ids", listen)
    words = [
        "predict",
        "--ckpt_path",
        "runs/mine",
        "--data.predict_path",
        "new.jsonl",
        "--model.generation.block",
        "0.5",
    ]
    found = []
    for size in ("2", "6"):
        seen.clear()
        output = [
            "--output",
            f"{size}.jsonl",
            "--model.generation.candidates",
            "3",
            "--data.eval_batch_size",
            size,
        ]
        train.main([*words, *output])
        assert sorted(set(seen)) == sorted((" ", text) for text in texts)
        assert len(seen) == 3 * len(texts)
        lines = [json.loads(line) for line in (tmp_path / f"{size}.jsonl").read_text().splitlines()]
        found.append([(line["said"], line["prediction"], line["wordings"]) for line in lines])
    assert found[0] == found[1]
    assert all(isinstance(wordings, list) for _, _, wordings in found[0])
    with pytest.raises(SystemExit, match="without strategy beam"):
        train.main([*words, "--model.generation.strategy", "beam"])
