from __future__ import annotations

import csv

from callbacks.metrics.stratified_match import StratifiedMatch, describe_rows
from callbacks.rows import evaluated_row
from callbacks.rows.evaluated_row import EvaluatedRow
from callbacks.rows.evaluation import Evaluation
from callbacks.rows.notation_calls import NotationCalls
from callbacks.rows.outcomes import RIGHT
from datamodules.rows.side_texts import SideTexts
from datamodules.storage.text_columns import TextColumn
from tests.helpers.callback_stubs import Pair, ScriptedModel, StubData, make_trainer
from tests.helpers.fake_opsin import fake_opsin


class TrainedData(StubData):
    def side_texts(self, side):
        assert side == "train"
        molecules = TextColumn.of(["CCN", "c1ccccc1", "CC(=O)O"])
        names = TextColumn.of(["ethanamine", "benzene", "acetic acid"])
        return [
            SideTexts("to_smiles", "iupac", "smiles", names, molecules, names),
            SideTexts("spell", "text", "text", names, names, names),
        ]


def write_strata(folder, pairs):
    trainer = make_trainer(folder, [StratifiedMatch()])
    trainer.test(ScriptedModel(pairs), datamodule=TrainedData(pairs), verbose=False)
    with (folder / "test" / "strata.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_the_file_has_molecules_and_lengths(tmp_path):
    pairs = [
        Pair("ethanol", "CCO", "OCC"),
        Pair("benzene", "c1ccccc1", "c1ccccc1"),
        Pair("salt", "CC(=O)[O-].[Na+]", "CC"),
        Pair("word", "w o r d", "w o r d", "spell", "text"),
    ]
    lines = write_strata(tmp_path, pairs)
    found = {(line["task"], line["stratum"], line["bin"]): line for line in lines}
    assert [found["to_smiles", "nearest_training", "1"][name] for name in ("rows", "exact", "right")] == [
        "1",
        "1",
        "1",
    ]
    salts = {line["bin"]: line["rows"] for line in lines if line["stratum"] == "parent_in_training"}
    assert salts == {
        "no form of it is": "1",
        "a salt, an ion or the parent of it is": "2",
    }  # benzene itself, the acetate
    near = [line for line in lines if line["stratum"] == "nearest_training"]
    assert sum(int(line["rows"]) for line in near) == 3
    assert found["to_smiles", "rings", "0"]["share_right"] == "0.5"
    assert found["to_smiles", "rings", "0"]["exact_match"] == "0.0"
    assert found["to_smiles", "elements", "others, too"]["rows"] == "1"
    assert {line["stratum"] for line in lines if line["task"] == "spell"} == {"input_length", "target_length"}
    assert found["spell", "target_length", "0 to 10"]["exact_match"] == "1.0"


def test_only_the_first_rows_of_each_task_count(tmp_path, monkeypatch):
    monkeypatch.setattr(evaluated_row, "MOST_ROWS", 1)
    pairs = [
        Pair("ethanol", "CCO", "OCC"),
        Pair("benzene", "c1ccccc1", "?"),
        Pair("word", "w", "w", "spell", "text"),
    ]
    found = {(line["task"], line["stratum"]): line for line in write_strata(tmp_path, pairs)}
    assert {line["rows"] for line in found.values()} == {"1"}
    assert found["to_smiles", "rings"]["bin"] == "0"
    assert {task for task, _ in found} == {"to_smiles", "spell"}


def test_salts_are_sought_in_a_test_only(tmp_path):
    pairs = [Pair("salt", "CC(=O)[O-].[Na+]", "CC")]
    trainer = make_trainer(tmp_path, [StratifiedMatch()])
    trainer.validate(ScriptedModel(pairs), datamodule=TrainedData(pairs), verbose=False)
    [path] = tmp_path.rglob("strata.csv")
    assert "nearest_training" in path.read_text()
    assert "parent_in_training" not in path.read_text()


def test_a_fit_writes_none(tmp_path):
    pairs = [Pair("ethanol", "CCO", "OCC")]
    trainer = make_trainer(tmp_path, [StratifiedMatch()])
    trainer.fit(ScriptedModel(pairs), datamodule=TrainedData(pairs))
    assert not list(tmp_path.rglob("strata.csv"))


def test_what_cannot_be_judged_in_time_is_wrong_and_takes_nothing_down():
    rows = [EvaluatedRow(0, "t", "CCO", "ethanol", "smiles", "iupac", "methane", -1.0, True, 1)]
    with fake_opsin({"ethanol": "C(C)O"}):
        evaluation = Evaluation(rows, NotationCalls(workers=1, timeout_s=1e-6), reads_names=True)
        [outcome] = evaluation.outcomes
        [numbers] = describe_rows(evaluation)
    assert outcome.name not in RIGHT
    assert numbers == {"input_length": 3, "target_length": 7}
