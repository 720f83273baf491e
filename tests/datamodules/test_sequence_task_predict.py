from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from datamodules.sequence_task import SequenceTaskDataModule


def test_predicted_rows_keep_their_lines_and_bad_ones_their_reasons(tokenizer: Any, tmp_path: Path) -> None:
    path = tmp_path / "in.csv"
    path.write_text("name,smiles\nx,OCC\ny,C1CC\nz,c1ccccc1\n,CCN\n")
    module = SequenceTaskDataModule(tokenizer, task="smiles_to_iupac", predict_path=str(path))
    module.setup("predict")
    assert [module.row("predict", index).line for index in range(3)] == [2, 4, 5]
    assert module.row("predict", 0).input == "OCC"
    assert module.row("predict", 0).target is None
    assert [(row.line, "ring" in row.reason) for row in module.set_aside("predict")] == [(3, True)]
    (batch,) = list(module.predict_dataloader())
    assert sorted(batch["row_index"].tolist()) == [0, 1, 2]


def test_predicted_row_has_its_input_as_in_the_file_and_as_the_checks_read_it(
    tokenizer: Any, tmp_path: Path
) -> None:
    (tmp_path / "in.csv").write_text("smiles\nOCC my ethanol\n")
    module = SequenceTaskDataModule(tokenizer, task="smiles_to_iupac", predict_path=str(tmp_path / "in.csv"))
    module.setup("predict")
    assert (module.row("predict", 0).input, module.row("predict", 0).meant) == ("OCC my ethanol", "CCO")


def test_predict_needs_a_file_and_one_task(tokenizer: Any, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"--data.predict_path"):
        SequenceTaskDataModule(tokenizer).setup("predict")
    (tmp_path / "x.csv").write_text("smiles\n")
    with pytest.raises(ValueError, match=r"x.csv: expected at least one row below the header"):
        SequenceTaskDataModule(tokenizer, predict_path=str(tmp_path / "x.csv")).setup("predict")
    (tmp_path / "x.csv").write_text("smiles\nCCO\n")
    tasks = "smiles_to_iupac,smiles_to_formula"
    module = SequenceTaskDataModule(tokenizer, task=tasks, predict_path=str(tmp_path / "x.csv"))
    with pytest.raises(ValueError, match=r"choose with --data.task, .*smiles_to_iupac .*smiles_to_formula"):
        module.setup("predict")


def test_predict_asks_the_task_whose_column_the_file_has(tokenizer: Any, tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("iupac\nethanol\n")
    both = "smiles_to_iupac,iupac_to_smiles"
    module = SequenceTaskDataModule(tokenizer, task=both, predict_path=str(tmp_path / "x.csv"))
    module.setup("predict")
    assert [part.task.name for part in module.data.sides["predict"].store.parts] == ["iupac_to_smiles"]


def test_cells_of_questions_are_found_by_line(tokenizer: Any, tmp_path: Path) -> None:
    path = tmp_path / "new.csv"
    path.write_text("id,smiles\n7,OCC\n8,C1CC\n,\n9\n")
    module = SequenceTaskDataModule(tokenizer, task="smiles_to_iupac", predict_path=str(path))
    assert module.question_rows is None
    module.setup("predict")
    assert module.question_rows is not None
    cells = {2: {"id": "7", "smiles": "OCC"}, 3: {"id": "8", "smiles": "C1CC"}, 4: {"id": "", "smiles": ""}}
    assert module.question_rows.cells_by_line() == cells
