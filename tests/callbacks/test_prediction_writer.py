from __future__ import annotations

import pytest

from callbacks.prediction_writer import PredictionWriter
from datamodules.csv_files import read_csv
from tests.callbacks.callback_stubs import Aside, Pair, ScriptedModel, StubData, make_trainer

PAIRS = [Pair("a", "", "CCO"), Pair("=b", "", "C("), Pair("c", "", "-"), Pair("d", "", "CC")]
ASIDE = [Aside(7, "valence", "C(C)(C)(C)(C)C"), Aside(3, "empty", "")]


def predict(tmp_path, path, **options):
    data = StubData(PAIRS, batch_size=3, predict_path=path, **options)
    make_trainer(tmp_path, [PredictionWriter()]).predict(ScriptedModel(PAIRS), datamodule=data)


def test_one_line_a_row_in_the_order_of_the_file(tmp_path, capsys):
    predict(tmp_path, "data/mols.csv.gz", aside=ASIDE)
    path = tmp_path / "predict" / "predictions" / "mols.csv"
    rows = read_csv(path)
    assert [(row["line"], row["input"]) for row in rows] == [
        ("2", "a"), ("3", ""), ("4", "=b"), ("5", "c"), ("6", "d"), ("7", "C(C)(C)(C)(C)C"),
    ]  # fmt: skip
    assert rows[0] == {
        "line": "2", "input": "a", "prediction": "CCO", "score": "-1.0", "valid": "true", "stopped": "true", "reason": "",
    }  # fmt: skip
    assert rows[2]["valid"] == "false"
    assert rows[2]["reason"] != ""
    assert rows[5] == {
        "line": "7", "input": "C(C)(C)(C)(C)C", "prediction": "", "score": "", "valid": "", "stopped": "",
        "reason": "valence",
    }  # fmt: skip
    printed = capsys.readouterr().out
    assert str(path) in printed
    assert "6 rows" in printed
    assert "2 of them without an answer" in printed


def test_repeated_rows_of_a_sampler_are_written_once(tmp_path):
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
        ("mols.v2.csv.gz", "mols.v2.csv"),
        ("a.b.PARQUET", "a.b.csv"),
        (".csv", "predict.csv"),
    ],
)
def test_two_files_have_two_tables(tmp_path, file, table):
    predict(tmp_path, file)
    assert [path.name for path in (tmp_path / "predict" / "predictions").iterdir()] == [table]
