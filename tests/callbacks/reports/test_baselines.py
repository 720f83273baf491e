from __future__ import annotations

import csv
import json
import sys

import pytest
from rapidfuzz.distance import Levenshtein

from callbacks.metrics.error_classes import ErrorClasses
from callbacks.metrics.exact_match import ExactMatch
from callbacks.metrics.round_trip import RoundTrip
from callbacks.metrics.stratified_match import stratify_rows
from callbacks.reports import baselines
from callbacks.reports.baselines import (
    Baselines,
    copy_nearest_text,
    describe_system,
    find_baselines,
    judge_system,
    read_baselines,
)
from callbacks.reports.end_lines import describe_evaluation
from callbacks.reports.run_summary import RunSummary
from callbacks.rows import evaluated_row
from callbacks.rows.evaluated_row import EvaluatedRow
from callbacks.rows.evaluation import Evaluation
from callbacks.rows.training_molecules import TrainingMolecules
from callbacks.statistics.intervals import wilson_interval
from callbacks.statistics.strata import stratify
from datamodules.notations import iupac
from datamodules.rows.side_texts import SideTexts
from datamodules.storage.safe_csv import read_csv
from datamodules.storage.text_columns import TextColumn
from datamodules.workers.worker_pool import WorkerPool
from tests.helpers.callback_stubs import Pair, ScriptedModel, StubData, make_trainer
from tests.helpers.fake_opsin import fake_opsin, no_java

MEANINGS = {
    "ethanol": "C(C)O",
    "ethan-1-ol": "C(C)O",
    "propane": "CCC",
    "toluene": "C1(=CC=CC=C1)C",
    "benzene": "C1=CC=CC=C1",
}
NAMED = [("CCO", "ethan-1-ol"), ("CCC", "propane"), ("Cc1ccccc1", "toluene")]
TRAIN = {
    "name": [("c1ccccc1", "benzene"), ("OCC", "ethanol")],
    "draw": [("benzene", "c1ccccc1"), ("propan", "CC")],
    "spell": [("cat", "k a t"), ("dog", "d o g")],
}
NOTATIONS = {"name": ("smiles", "iupac"), "draw": ("iupac", "smiles"), "spell": ("text", "text")}


class TrainedData(StubData):
    def side_texts(self, side):
        assert side == "train"
        return [
            SideTexts(
                task,
                *NOTATIONS[task],
                *(TextColumn.of([row[column] for row in rows]) for column in (0, 1, 0)),
            )
            for task, rows in TRAIN.items()
        ]


def make_pairs(task, rows, answer="?"):
    given, asked = NOTATIONS[task]
    return [Pair(first, second, answer, task, asked, given) for first, second in rows]


def run(folder, pairs, callbacks=()):
    trainer = make_trainer(folder, [Baselines(), *callbacks])
    trainer.test(ScriptedModel(pairs), datamodule=TrainedData(pairs), verbose=False)
    with (folder / "test" / "anchors.csv").open(newline="") as file:
        return {line["system"]: line for line in csv.DictReader(file)}


def test_nearest_baseline_copies_the_name_of_the_nearest_molecule(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(baselines, "find_spec", lambda _: None)
    with fake_opsin(MEANINGS):
        found = run(tmp_path, make_pairs("name", NAMED), [RoundTrip()])
    assert list(found) == ["model", "nearest training molecule"]
    assert "name: baselines on the same rows: nearest training molecule\n" in capsys.readouterr().out
    copied = found["nearest training molecule"]
    # ethanol for ethan-1-ol (right, not exact), ethanol for propane, benzene for toluene
    assert (copied["rows"], copied["answered"]) == ("3", "3")
    assert float(copied["exact_match"]) == 0
    assert float(copied["right"]) == pytest.approx(1 / 3)
    assert float(copied["right_high"]) == wilson_interval(1, 3)[1]
    assert float(found["model"]["right"]) == 0


def test_only_the_first_rows_of_a_task_are_answered(tmp_path, monkeypatch):
    monkeypatch.setattr(evaluated_row, "MOST_ROWS", 2)
    monkeypatch.setattr(baselines, "find_spec", lambda _: None)
    given, asked = NOTATIONS["name"]
    pairs = [
        Pair(first, second, second if place < 2 else "?", "name", asked, given)
        for place, (first, second) in enumerate(NAMED)
    ]
    found = run(tmp_path, pairs)
    assert {line["rows"] for line in found.values()} == {"2"}
    assert float(found["model"]["exact_match"]) == 1


def test_rule_baselines_draw_and_name_where_they_are_installed(tmp_path):
    drawn = [("ethanol", "CCO"), ("toluene", "Cc1ccccc1"), ("nonsense", "CC")]
    with fake_opsin(MEANINGS):
        found = run(tmp_path, make_pairs("draw", drawn))
    assert list(found) == ["model", "OPSIN (rules)", "nearest training input"]
    rules = found["OPSIN (rules)"]
    strata = {
        (line["system"], line["bin"]): line
        for line in read_csv(tmp_path / "test" / "anchor_strata.csv")
        if line["stratum"] == "heavy_atoms"
    }
    small, large = (strata["OPSIN (rules)", kind] for kind in ("0 to 5", "6 to 10"))
    assert (small["task"], small["rows"], small["exact"]) == ("draw", "2", "1")  # nonsense is a question, too
    assert (large["rows"], large["exact"], large["right"]) == ("1", "1", "1")
    assert ("nearest training input", "0 to 5") in strata
    assert (float(rules["exact_match"]), rules["answered"]) == (pytest.approx(2 / 3), "2")
    assert float(rules["validity"]) == pytest.approx(2 / 3)
    with no_java():
        assert list(run(tmp_path / "without", make_pairs("draw", drawn))) == [
            "model",
            "nearest training input",
        ]


def test_openclatura_names_molecules(tmp_path):
    pytest.importorskip("openclatura")
    with fake_opsin(MEANINGS):
        found = run(tmp_path, make_pairs("name", [("CCC", "propane"), ("OCC", "ethan-1-ol")]), [RoundTrip()])
    rules = found["openclatura (rules)"]
    assert (float(rules["exact_match"]), float(rules["right"])) == (0.5, 1.0)
    assert float(rules["seconds"]) >= 0


def test_rule_baselines_tell_missing_packages_from_missing_names(monkeypatch):
    monkeypatch.setitem(sys.modules, "openclatura", None)
    with pytest.raises(ValueError, match="openclatura is not installed: pip install"):
        iupac.name_by_rules("CCO")

    class Fake:
        @staticmethod
        def name_smiles(smiles):
            if smiles == "CC":
                raise KeyError("no rule")
            return ""

    monkeypatch.setitem(sys.modules, "openclatura", Fake)
    with pytest.raises(ValueError, match="KeyError: 'no rule'"):
        iupac.name_by_rules("CC")
    with pytest.raises(ValueError, match="no name"):
        iupac.name_by_rules("C")


def test_nearest_text_is_that_of_a_plain_search():
    words = ["cats", "dg", "hot dog", "cut", "og"]
    rows = [
        EvaluatedRow(i, "spell", word, "?", "text", "text", "", 0.0, True, 1) for i, word in enumerate(words)
    ]
    data = TrainedData(make_pairs("spell", [("a", "b")]))
    expected = [
        max(TRAIN["spell"], key=lambda pair: Levenshtein.normalized_similarity(word, pair[0]))[1]
        for word in words
    ]
    training = TrainingMolecules(lambda: data.side_texts("train"), WorkerPool())
    assert copy_nearest_text(Evaluation(rows, training=training)) == expected


def test_nearest_text_is_found_in_any_unicode_form():
    inputs = TextColumn.of(["cafe\u0301", "cafes"])
    texts = SideTexts("t", "text", "text", inputs, TextColumn.of(["x", "y"]), inputs)
    training = TrainingMolecules(lambda: [texts], WorkerPool())
    row = EvaluatedRow(0, "t", "caf\u00e9", "?", "text", "text", "", 0.0, True, 1)
    assert copy_nearest_text(Evaluation([row], training=training)) == ["x"]


def test_nearest_text_is_not_searched_among_too_many():
    row = EvaluatedRow(0, "spell", "a", "?", "text", "text", "", 0.0, True, 1)
    [nearest] = find_baselines(row, 1000)
    assert (nearest.name, nearest.most_rows) == ("nearest training input", baselines.MOST_PAIRS // 1000)
    assert find_baselines(row, baselines.MOST_PAIRS + 1) == []
    assert find_baselines(row, 0) == []


def test_baseline_without_an_answer_counts_as_wrong():
    rows = [EvaluatedRow(i, "t", "in", "a", "text", "text", "a", 0.0, True, 1) for i in range(4)]
    evaluation = Evaluation(rows)
    line, answered = judge_system("rules", evaluation, ["a", None, "b", None])
    [kind, _] = stratify(stratify_rows(answered))
    assert (line["answered"], line["exact_match"], line["validity"]) == (2, 0.25, 0.5)
    assert (kind["stratum"], kind["bin"], kind["rows"], kind["exact_match"]) == (
        "input_length",
        "0 to 10",
        4,
        0.25,
    )
    answers = [row.prediction for row in rows]
    model = describe_system("model", rows, answers, evaluation.outcomes, evaluation.invalid_reasons)
    assert model["exact_match"] == 1.0


def test_baselines_have_the_words_and_the_components_that_they_share():
    rows = [EvaluatedRow(i, "t", "in", "the red hat", "text", "answer", "", 0.0, True, 1) for i in range(2)]
    line, _ = judge_system("nearest sentence", Evaluation(rows), ["a blue hat", "red hat"])
    assert (line["exact_match"], line["right"], line["token_f1"]) == (0.0, 0.5, 0.75)
    assert 0.5 <= line["token_f1_low"] < line["token_f1_high"] <= 1.0
    told = describe_evaluation("t", {"exact_match": 0.0, "token_f1": 1.0, "token_f1_low": 1.0, "token_f1_high": 1.0},
                               baselines=[line])  # fmt: skip
    assert told[0].startswith("t: F1 of words 100.0 % (100.0 to 100.0); nearest sentence 75.0 % (")
    rows = [EvaluatedRow(0, "t", "in", "CCO.CN", "text", "smiles", "", 0.0, True, 1)]
    assert judge_system("rules", Evaluation(rows), ["OCC.CC"])[0]["component_f1"] == 0.5


def test_baselines_stand_in_the_table_of_the_model(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(baselines, "find_spec", lambda _: None)
    monkeypatch.setenv("COLUMNS", "120")
    with fake_opsin(MEANINGS):
        pairs = make_pairs("name", NAMED, "propane") + make_pairs(
            "spell", [("cat", "k a t"), ("dogs", "d o g z")]
        )
        run(tmp_path, pairs, [RunSummary(), ExactMatch(), ErrorClasses(), RoundTrip()])
    lines = capsys.readouterr().out.splitlines()
    place = next(number for number, line in enumerate(lines) if line.startswith(" name "))
    assert lines[place].split()[1:8] == ["33.3", "%", "(6.1", "to", "79.2)", "33.3", "%"]
    assert lines[place + 1].split()[:10] == [
        "nearest",
        "training",
        "molecule",
        "0.0",
        "%",
        "(0.0",
        "to",
        "56.1)",
        "33.3",
        "%",
    ]
    assert any("nearest training input" in line and "50.0 %" in line for line in lines[place + 2 :])
    _, files = "".join(lines).split("files: ")
    assert "anchors.csv" in files
    assert "anchor_strata.csv" in files
    kept = json.loads((tmp_path / "summary.json").read_text())["test"]["anchors"]
    assert [one["system"] for one in kept] == ["nearest training molecule", "nearest training input"]


def test_validate_runs_no_baseline(tmp_path):
    pairs = make_pairs("name", NAMED)
    trainer = make_trainer(tmp_path, [Baselines()])
    trainer.validate(ScriptedModel(pairs), datamodule=TrainedData(pairs), verbose=False)
    assert not list(tmp_path.rglob("anchors.csv"))


class Untrained(ScriptedModel):
    def answer_untrained(self, batch):
        return {"prediction": [f"{index} <end>" for index in batch]}


class AskedData(TrainedData):
    def questions(self, stage, rows):
        assert stage == "test"
        return list(rows)


@pytest.mark.parametrize("tested", [True, False])
def test_untrained_base_answers_the_first_rows_when_a_checkpoint_is_tested(tmp_path, tested):
    pairs = [Pair("a b", str(row), "?", "spell", "text", "text") for row in range(5)]
    pairs[1] = pairs[1]._replace(target="another")
    model, data = Untrained(pairs), AskedData(pairs)
    trainer = make_trainer(tmp_path, [])
    trainer.strategy.connect(model)
    trainer.save_checkpoint(tmp_path / "x.ckpt")
    trainer = make_trainer(tmp_path, [Baselines(untrained_rows=4)])
    path = str(tmp_path / "x.ckpt") if tested else None
    trainer.test(model, datamodule=data, ckpt_path=path, verbose=False)
    found = {line["system"]: line for line in read_baselines(tmp_path / "test")}
    assert ("base before this run" in found) == tested
    if tested:
        assert found["base before this run"]["rows"] == 4
        assert found["base before this run"]["exact_match"] == 3 / 4
        assert found["nearest training input"]["rows"] == 5
