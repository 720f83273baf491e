from __future__ import annotations

import json

import pytest
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.loggers import WandbLogger

from callbacks.reports.prediction_table import PredictionTable, verdict
from datamodules.storage.safe_csv import read_csv
from tests.helpers.callback_stubs import Pair, ScriptedModel, StubData, finish_wandb, make_trainer

PAIRS = [
    Pair("ethanol", "CCO", "CCO"),
    Pair("ethanol", "CCO", "OCC"),
    Pair("@formula", "CCO", "CC"),
    Pair("ethanol", "CCO", "=O("),
    Pair("1", "one", "one", "spell", "text", "number"),
]


@pytest.mark.parametrize(
    ("same", "reason", "word"),
    [
        ({"string": True, "canonical": True}, None, "exact"),
        ({"string": True}, "empty", "exact"),
        ({"string": False, "canonical": True}, None, "same molecule"),
        (
            {"string": False, "canonical": False, "inchikey": False, "connectivity": True},
            None,
            "same connectivity",
        ),
        ({"string": False, "without_stress": True}, None, "same without stress"),
        ({"string": False, "canonical": False}, None, "wrong"),
        ({"string": False, "canonical": False}, "valence", "invalid"),
    ],
)
def test_verdict_is_the_strictest_notion_that_holds(same, reason, word):
    assert verdict(same, reason) == word


def test_prediction_table_holds_every_row_in_order(tmp_path):
    trainer = make_trainer(tmp_path, [PredictionTable()], max_epochs=2, num_sanity_val_steps=1)
    trainer.fit(ScriptedModel(PAIRS), datamodule=StubData(PAIRS, batch_size=2, repeat=True))
    files = sorted(path.name for path in (tmp_path / "predictions").iterdir())
    assert files == ["val_epoch_0.csv", "val_epoch_1.csv"]
    rows = read_csv(tmp_path / "predictions" / "val_epoch_1.csv")
    assert [row["row"] for row in rows] == ["0", "1", "2", "3", "4"]
    assert [row["verdict"] for row in rows] == ["exact", "same molecule", "wrong", "invalid", "exact"]
    assert rows[2] == {
        "row": "2", "task": "to_smiles", "input": "@formula", "target": "CCO", "prediction": "CC", "verdict": "wrong",
        "same_string": "false", "same_canonical": "false", "same_inchikey": "false", "same_connectivity": "false",
        "score": "-2.0", "stopped": "true", "num_tokens": "3", "input_notation": "text", "output_notation": "smiles",
    }  # fmt: skip
    assert rows[3]["prediction"] == "=O("
    assert rows[4]["same_canonical"] == ""
    raw = (tmp_path / "predictions" / "val_epoch_1.csv").read_text()
    assert "'@formula" in raw
    assert ",=O(" not in raw


def test_prediction_table_of_test_is_a_file_of_its_own(tmp_path):
    trainer = make_trainer(tmp_path, [PredictionTable()])
    trainer.test(ScriptedModel(PAIRS), datamodule=StubData(PAIRS), verbose=False)
    assert len(read_csv(tmp_path / "test" / "predictions" / "test_epoch_0.csv")) == 5


def test_prediction_table_of_a_checkpoint_is_named_after_its_epoch(tmp_path):
    last = ModelCheckpoint(tmp_path, filename="last")
    trainer = make_trainer(tmp_path, [PredictionTable(), last], max_epochs=2, enable_checkpointing=True)
    trainer.fit(ScriptedModel(PAIRS), datamodule=StubData(PAIRS))
    table = tmp_path / "predictions" / "val_epoch_0.csv"
    table.write_text("of training")
    for stage in ("validate", "test"):
        evaluation = make_trainer(tmp_path, [PredictionTable()])
        evaluate = getattr(evaluation, stage)
        evaluate(
            ScriptedModel(PAIRS), datamodule=StubData(PAIRS), ckpt_path=tmp_path / "last.ckpt", verbose=False
        )
    assert table.read_text() == "of training"
    assert (tmp_path / "validate" / "predictions" / "val_epoch_1.csv").is_file()
    assert (tmp_path / "test" / "predictions" / "test_epoch_1.csv").is_file()


def test_prediction_table_of_wandb_is_bounded_and_has_pictures(tmp_path, wandb_home):
    logger = WandbLogger(project="p", save_dir=tmp_path, offline=True)
    trainer = make_trainer(tmp_path, [PredictionTable(wandb_rows=3)], logger=logger)
    trainer.validate(ScriptedModel(PAIRS), datamodule=StubData(PAIRS), verbose=False)
    finish_wandb(tmp_path)
    [path] = tmp_path.glob("wandb/offline-run-*/files/media/table/val/predictions_*.table.json")
    table = json.loads(path.read_text())
    assert table["columns"][:6] == ["task", "input", "target", "prediction", "verdict", "score"]
    assert table["columns"][6:] == ["target drawn", "prediction drawn"]
    assert [cells[3] for cells in table["data"]] == ["CCO", "OCC", "=O("]
    assert [cells[6:] for cells in table["data"]] == [["Image", "Image"], ["Image", "Image"], ["Image", None]]
    staged = [path.read_bytes()[:4] for path in wandb_home.glob("data/artifacts/staging/*")]
    assert staged.count(b"\x89PNG") == 5
