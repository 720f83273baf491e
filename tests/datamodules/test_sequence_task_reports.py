from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from datamodules.sequence_task import SequenceTaskDataModule
from tests.helpers.small_tables import attach_trainer, list_places, make_module
from tests.helpers.tiny import make_tokenizer


def test_data_json_counts_each_row_on_one_side(tokenizer: Any, words: str, tmp_path: Path) -> None:
    module = make_module(tokenizer, words, val_fraction=0.2, test_fraction=0.1)
    attach_trainer(module, tmp_path / "run")
    module.setup("fit")
    module.setup("test")
    sides = {name: set(pool.tolist()) for name, pool in list_places(module.data).items()}
    assert sum(len(rows) for rows in sides.values()) == 400
    assert set.union(*sides.values()) == set(range(400))
    assert module.report["overlap"] == {"train/val": 0, "train/test": 0, "val/test": 0}
    assert json.loads((tmp_path / "run" / "data.json").read_text())["split"] == "identity"


def test_set_aside_csv_has_each_bad_row_with_its_reason(tokenizer: Any, tmp_path: Path) -> None:
    path = tmp_path / "mols.csv"
    path.write_bytes(
        b"smiles,name\nCCO,ethanol\nC1CC,broken\n,empty\nCCN,\nCCC,a,b\nCC,\xff\nCCCl,</s>chloroethane\nOCC,ethanol\n"
        + b"C" * 90
        + b",long\n"
    )
    module = SequenceTaskDataModule(
        tokenizer,
        source=str(path),
        input_column="smiles",
        output_column="name",
        max_length=60,
        val_fraction=0,
        test_fraction=0,
    )
    attach_trainer(module, tmp_path / "run")
    module.setup("fit")
    assert module.report["rows"]["train"] == 2
    with (tmp_path / "run" / "set_aside.csv").open() as file:
        aside = {int(row["line"]): row["reason"] for row in csv.DictReader(file)}
    assert set(aside) == {3, 4, 5, 6, 7, 8, 10}
    assert module.report["rows"]["train"] + len(aside) == 9
    for line, word in {
        3: "ring",
        4: "empty input",
        5: "empty output",
        6: "3",
        7: "UTF-8",
        8: "special token '</s>'",
        10: "longer",
    }.items():
        assert word in aside[line]
    # Normalised: both ethanols were learned as canonical SMILES.
    assert module.data.store.parts[0].inputs[:2] == ["CCO", "CCO"]  # type: ignore[union-attr]


def test_a_fit_without_a_training_row_says_why(tokenizer: Any, words: str) -> None:
    with pytest.raises(ValueError, match=r"Expected at least one training row, but got none.*max_length"):
        make_module(tokenizer, words, max_length=3).setup("fit")


def test_a_fit_without_a_usable_row_names_the_first_reason(tmp_path: Path) -> None:
    (tmp_path / "own.csv").write_text("smiles,name\nC1CC,a\nC1C,b\n", encoding="utf-8")
    module = SequenceTaskDataModule(
        make_tokenizer(),
        source=str(tmp_path / "own.csv"),
        input_column="smiles",
        output_column="name",
        max_length=100,
    )
    with pytest.raises(
        ValueError, match=r"none\. .*Skipped: 2 smiles: unclosed ring.*own.csv, line 2: smiles: unclosed"
    ):
        module.setup("fit")
