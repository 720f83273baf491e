from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from callbacks.metrics import row_reader
from callbacks.metrics.round_trip import RoundTrip
from callbacks.reports.prediction_writer import PredictionWriter
from datamodules.rows.training_record import FILE, TrainingRecord
from datamodules.storage.safe_csv import read_csv
from datamodules.workers import opsin
from lightning_modules.generation.generate import GenerationSettings
from tests.helpers.callback_stubs import Aside, Base, Pair, ScriptedModel, StubData, make_trainer
from tests.helpers.fake_opsin import fake_opsin

PAIRS = [Pair("a", "", "CCO"), Pair("=b", "", "C("), Pair("c", "", "-"), Pair("d", "", "CC")]
ASIDE = [Aside(7, "valence", "C(C)(C)(C)(C)C"), Aside(3, "empty", "")]


def predict(tmp_path, path, **options):
    data = StubData(PAIRS, batch_size=3, predict_path=path, **options)
    make_trainer(tmp_path, [PredictionWriter()]).predict(ScriptedModel(PAIRS), datamodule=data)


def test_predict_writes_a_line_a_row_in_the_order_of_the_file(tmp_path, capsys):
    predict(tmp_path, "data/mols.csv", aside=ASIDE)
    path = tmp_path / "predict" / "predictions" / "mols.csv"
    rows = read_csv(path)
    assert [(row["line"], row["input"]) for row in rows] == [
        ("2", "a"), ("3", ""), ("4", "=b"), ("5", "c"), ("6", "d"), ("7", "C(C)(C)(C)(C)C"),
    ]  # fmt: skip
    assert rows[0] == {
        "line": "2", "input": "a", "prediction": "CCO", "score": "-1.0", "valid": "true", "verified": "",
        "stopped": "true", "reason": "",
    }  # fmt: skip
    assert rows[2]["valid"] == "false"
    assert rows[2]["reason"] != ""
    assert rows[2]["verified"] == ""
    assert rows[5] == {
        "line": "7", "input": "C(C)(C)(C)(C)C", "prediction": "", "score": "", "valid": "", "verified": "", "stopped": "",
        "reason": "valence",
    }  # fmt: skip
    printed = capsys.readouterr().out
    assert str(path) in printed
    assert "6 rows" in printed
    assert "2 of them without an answer" in printed


def test_predict_shows_the_first_answers_without_terminal_controls(tmp_path, capsys):
    pairs = [Pair("OCC", "", "CCO"), Pair("a\x1b[31m", "", "C("), Pair("b", "", "C"), Pair("late", "", "CC")]
    data = StubData(pairs, predict_path="in.csv", aside=[Aside(1, "valence", "C(C)(C)(C)(C)C\x07")])
    make_trainer(tmp_path, [PredictionWriter()]).predict(ScriptedModel(pairs), datamodule=data)
    lines = capsys.readouterr().out.splitlines()
    place = next(number for number, line in enumerate(lines) if line.startswith("Predictions of 5 rows"))
    assert lines[place + 1 : place + 3] == [
        "  C(C)(C)(C)(C)C?: valence",
        "  OCC -> CCO  (probability 0.37, well-formed, not verified)",
    ]
    assert lines[place + 3].startswith("  a?[31m -> C(  (probability 0.22, cut at ")
    assert not any("late" in line for line in lines)


def test_an_answer_that_never_stopped_is_cut_in_the_terminal_and_in_the_table(tmp_path, capsys):
    pairs = [Pair("a", "", "CCO"), Pair("b", "", "CC")]  # the second one never stops
    data = StubData(pairs, predict_path="in.csv")
    make_trainer(tmp_path, [PredictionWriter()]).predict(ScriptedModel(pairs), datamodule=data)
    row = read_csv(tmp_path / "predict" / "predictions" / "in.csv")[1]
    reason = f"cut at --model.generation.max_new_tokens {ScriptedModel.generation.max_new_tokens}"
    assert (row["valid"], row["stopped"], row["reason"]) == ("false", "false", reason)
    assert f"b -> CC  (probability 0.22, {reason})" in capsys.readouterr().out


class Stopping(ScriptedModel):
    def predict_step(self, batch, batch_idx):
        outputs = self.validation_step(batch, batch_idx)
        return outputs | {"stopped": torch.ones_like(outputs["stopped"])}


def test_well_formed_is_what_the_notation_says_and_what_opsin_reads_is_said_of_opsin(tmp_path, capsys):
    answers = {"C": "banana", "CC": "eth(anol", "CCC": "methoxymethane"}
    pairs = [Pair(given, "", answer, "name", "iupac", "smiles") for given, answer in answers.items()]
    with fake_opsin({"methoxymethane": "COC"}):
        data = StubData(pairs, predict_path="in.csv")
        make_trainer(tmp_path, [PredictionWriter(), RoundTrip()]).predict(Stopping(pairs), datamodule=data)
    printed = capsys.readouterr().out
    for words in (
        "not read by OPSIN: unknown name part)",
        "not well-formed: unbalanced brackets)",
        "well-formed, not verified (by OPSIN: another molecule))",
    ):
        assert words in printed
    rows = read_csv(tmp_path / "predict" / "predictions" / "in.csv")
    assert [(row["valid"], row["reason"]) for row in rows] == [
        ("false", "unknown name part"), ("false", "unbalanced brackets"), ("true", "by OPSIN: another molecule"),
    ]  # fmt: skip


def test_the_columns_of_the_file_come_first_and_unchanged(tmp_path):
    cells = {line: {"id": f"A-{line}", "score": "007", "price": "-1.50"} for line in (2, 4, 5, 6, 7)}
    predict(tmp_path, "mols.csv", aside=ASIDE, cells=cells)
    rows = read_csv(tmp_path / "predict" / "predictions" / "mols.csv")
    assert list(rows[0])[:6] == ["id", "score", "price", "line", "input", "prediction"]
    assert [(row["id"], row["score"], row["price"]) for row in rows if row["id"]] == [
        (f"A-{line}", "007", "-1.50") for line in cells
    ]
    assert (rows[0]["line"], rows[0]["prediction"], rows[0]["score_2"]) == ("2", "CCO", "-1.0")
    assert (rows[1]["id"], rows[1]["reason"]) == ("", "empty")  # its cells could not be read
    assert rows[5]["id"] == "A-7"


def test_name_that_fits_several_molecules_is_never_verified_back(tmp_path, capsys):
    pairs = [
        Pair("Clc1cccc2ccccc12", "", "vague chloronaphthalene", "name", "iupac", "smiles"),
        Pair("CC", "", "ethane", "name", "iupac", "smiles"),
        Pair("Clc1cccc2ccccc12", "", "1-chloronaphthalene", "name", "iupac", "smiles"),
    ]
    chloro = "ClC1=CC=CC2=CC=CC=C12"
    with fake_opsin({"vague chloronaphthalene": chloro, "1-chloronaphthalene": chloro, "ethane": "CC"}):
        data = StubData(pairs, predict_path="in.csv")
        callbacks = [PredictionWriter(), RoundTrip()]
        make_trainer(tmp_path, callbacks).predict(ScriptedModel(pairs), datamodule=data)
    rows = read_csv(tmp_path / "predict" / "predictions" / "in.csv")
    assert [row["verified"] for row in rows] == ["formula", "back", "back"]
    assert rows[0]["reason"] == "OPSIN on the answer: fits several molecules"
    assert "verified: formula (OPSIN on the answer: fits several molecules)" in capsys.readouterr().out


class Drawing(ScriptedModel):
    def predict_step(self, batch, batch_idx):
        outputs = self.validation_step(batch, batch_idx)
        others = [
            ("methoxymethane<end>", -2.0, True),
            ("ethan-1-ol<end>", -4.0, True),
            ("x<end>", -3.0, False),
        ]
        return outputs | {"candidates": [[(text, -1.0, True), *others] for text in outputs["prediction"]]}


def test_predict_gives_the_name_that_opsin_reads_back(tmp_path):
    pairs = [Pair(given, "", "banana", "name", "iupac", "smiles") for given in ("CCO", "COCC", "CCOC", "N")]
    with fake_opsin({"methoxymethane": "COC", "ethan-1-ol": "C(C)O"}):
        data = StubData(pairs, predict_path="in.csv")
        make_trainer(tmp_path, [PredictionWriter(), RoundTrip()]).predict(Drawing(pairs), datamodule=data)
        rows = read_csv(tmp_path / "predict" / "predictions" / "in.csv")
        assert [(row["prediction"], row["verified"], row["score"]) for row in rows] == [
            ("ethan-1-ol", "back", "-4.0"),
            *[("methoxymethane", "", "-2.0")] * 3,
        ]
        make_trainer(tmp_path, [PredictionWriter(), RoundTrip()]).predict(
            ScriptedModel(pairs), datamodule=data
        )
        row = read_csv(tmp_path / "predict" / "predictions" / "in.csv")[0]
    assert [row[name] for name in ("prediction", "valid", "verified", "reason")] == [
        "banana", "false", "", "unknown name part",
    ]  # fmt: skip


def test_predict_verifies_a_drawing_by_reading_the_name(tmp_path):
    pairs = [
        Pair("ethanol", "", "C(O)C", "drawing", "smiles", "iupac"),
        Pair("methoxymethane", "", "CCO", "drawing", "smiles", "iupac"),
        Pair("banana", "", "CCO", "drawing", "smiles", "iupac"),
    ]
    with fake_opsin({"ethanol": "CCO", "methoxymethane": "COC"}):
        data = StubData(pairs, predict_path="in.csv")
        make_trainer(tmp_path, [PredictionWriter(), RoundTrip()]).predict(
            ScriptedModel(pairs), datamodule=data
        )
    rows = read_csv(tmp_path / "predict" / "predictions" / "in.csv")
    assert [(row["verified"], row["reason"]) for row in rows] == [
        ("back", ""), ("formula", ""), ("", "OPSIN cannot read the question: unknown name part"),
    ]  # fmt: skip


def test_predict_writes_to_the_file_that_output_names(tmp_path, capsys):
    output = tmp_path / "answers.jsonl"
    data = StubData(PAIRS, batch_size=3, predict_path="in.smi", aside=ASIDE)
    make_trainer(tmp_path, [PredictionWriter(str(output))]).predict(ScriptedModel(PAIRS), datamodule=data)
    rows = [json.loads(line) for line in output.read_text().splitlines()]
    assert [row["line"] for row in rows] == [2, 3, 4, 5, 6, 7]
    assert (rows[0]["prediction"], rows[0]["valid"], rows[1]["prediction"]) == ("CCO", True, None)
    assert not (tmp_path / "predict").exists()
    assert "written as csv" not in capsys.readouterr().out


def test_answers_on_standard_output_are_said_to_be_there(tmp_path, capsys, monkeypatch):
    output = tmp_path / "answers.csv"
    monkeypatch.setenv("PATOIS_STDOUT", str(output))
    data = StubData(PAIRS, batch_size=3, predict_path="in.csv")
    make_trainer(tmp_path, [PredictionWriter(str(output))]).predict(ScriptedModel(PAIRS), datamodule=data)
    printed = capsys.readouterr().out
    assert f"Predictions of {len(PAIRS)} rows: standard output\n" in printed
    assert str(tmp_path) not in printed


def test_another_format_and_a_renamed_column_are_told(tmp_path, capsys):
    predict(tmp_path, "in.smi", cells={2: {"line": "x"}})
    printed = capsys.readouterr().out
    assert "The answers are written as csv, since a .smi file holds no further columns." in printed
    assert "Of our columns line is called line_2, since the file has columns of these names." in printed


@pytest.mark.parametrize(
    ("java", "package", "how"),
    [
        (
            False,
            True,
            "install Java (Debian and Ubuntu: apt install default-jre-headless; conda: conda install openjdk).",
        ),
        (True, False, 'pip install -e ".[opsin]" (Python 3.11 or later).'),
    ],
)
def test_predict_says_why_no_name_is_verified_and_how_to_change_it(
    tmp_path, capsys, monkeypatch, java, package, how
):
    monkeypatch.setattr(opsin.shutil, "which", lambda name: "/bin/java" if java else None)
    monkeypatch.setattr(opsin, "find_spec", lambda name: object() if package else None)
    monkeypatch.setattr(opsin, "why_unavailable", lambda: "no OPSIN")
    monkeypatch.setattr(row_reader, "why_unavailable", lambda: "no OPSIN")
    pairs = [Pair("CCO", "", "ethanol", "name", "iupac", "smiles")]
    data = StubData(pairs, predict_path="in.csv")
    make_trainer(tmp_path, [PredictionWriter(), RoundTrip()]).predict(ScriptedModel(pairs), datamodule=data)
    lines = capsys.readouterr().out.splitlines()
    assert f"No name is verified, since OPSIN does not read them here: {how}" in lines
    predict(tmp_path, "in.csv")  # no names, so nothing to say
    assert "No name is verified" not in capsys.readouterr().out


def test_predict_writes_repeated_rows_of_a_sampler_once(tmp_path):
    predict(tmp_path, "mols.csv", repeat=True)
    assert [row["input"] for row in read_csv(tmp_path / "predict" / "predictions" / "mols.csv")] == [
        "a",
        "=b",
        "c",
        "d",
    ]


@pytest.mark.parametrize(
    ("file", "table"),
    [
        ("mols.v1.csv", "mols.v1.csv"),
        ("mols.v2.csv.gz", "mols.v2.csv.gz"),
        ("a.b.PARQUET", "a.b.PARQUET"),
        ("drugs.sdf", "drugs.csv"),
        ("new.jsonl", "new.jsonl"),
        (".csv", "predict.csv"),
    ],
)
def test_predict_writes_a_table_for_each_file(tmp_path, file, table):
    predict(tmp_path, file)
    assert [path.name for path in (tmp_path / "predict" / "predictions").iterdir()] == [table]


def test_predict_marks_and_keeps_answers_it_abstains_from(tmp_path, capsys):
    model = ScriptedModel(PAIRS)
    model.generation = GenerationSettings(
        abstain_below=0.2
    )  # the probabilities are e^-1, e^-1.5, e^-2, e^-2.5
    data = StubData(PAIRS, predict_path="in.csv", aside=ASIDE)
    make_trainer(tmp_path, [PredictionWriter()]).predict(model, datamodule=data)
    rows = {row["input"]: row for row in read_csv(tmp_path / "predict" / "predictions" / "in.csv")}
    assert [rows[one]["abstained"] for one in ("a", "=b", "c", "d", "")] == [
        "false",
        "false",
        "true",
        "true",
        "",
    ]
    assert rows["d"]["prediction"] == "CC"
    assert "2 abstained" in capsys.readouterr().out


def test_predict_marks_rows_that_are_unlike_those_of_training(tmp_path, capsys):
    record = TrainingRecord(
        np.zeros(0, dtype=np.uint64), [], token_pairs=np.arange(1, dtype=np.uint64), usual=1
    )
    record.notations = frozenset([frozenset(("text", "smiles"))])
    record.save(tmp_path / "base" / FILE)
    model, data = ScriptedModel(PAIRS), StubData(PAIRS, predict_path="in.csv")
    model.base_facts = Base("base", str(tmp_path / "base"), True)
    assert record.covers(data.tasks)
    make_trainer(tmp_path, [PredictionWriter()]).predict(model, datamodule=data)
    rows = {row["input"]: row for row in read_csv(tmp_path / "predict" / "predictions" / "in.csv")}
    # Of 0, 1, 2 and 3 new pairs one is usual.
    assert [rows[one]["unlike"] for one in ("a", "=b", "c", "d")] == ["false", "false", "true", "true"]
    printed = capsys.readouterr().out
    assert "2 unlike what the model was trained on (see `unlike`)" in printed
    assert printed.count("unlike its training") == 1  # of the three rows that are shown
