"""A run that names molecules and fills in gaps: trained, gone on with, tested, and asked about a gap of one's own."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from datamodules.infilling import find_gap
from datamodules.notations.smiles import is_valid
from tests.helpers.runs import PAIRS, command_here, read_csv, write_tiny_base


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("filling")
    with (folder / "mols.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("smiles", "iupac"), *PAIRS])
    fit = [
        "fit", "--name", "mix", "--model.base", write_tiny_base(folder), "--model.generation.max_new_tokens", "8",
        "--data.task", "smiles_to_iupac,fill_smiles:0.5", "--data.source", "mols.csv", "--data.format", "labels",
        "--data.val_fraction", "0.3", "--data.test_fraction", "0.3", "--data.batch_size", "4",
        "--trainer.enable_progress_bar", "false",
    ]  # fmt: skip
    for epochs in ("1", "2"):
        ran = command_here([*fit, "--trainer.max_epochs", epochs], folder)
        assert ran.returncode == 0, ran.stderr
        fit += ["--ckpt_path", "last"] if "--ckpt_path" not in fit else []
    return folder


def test_answers_are_tested_inside_their_molecules(folder: Path) -> None:
    ran = command_here(["test", "--ckpt_path", "runs/mix"], folder)
    assert ran.returncode == 0, ran.stderr
    test = folder / "runs" / "mix" / "test"
    [table] = (test / "predictions").glob("test_*.csv")
    rows = [row for row in read_csv(table) if row["task"] == "fill_smiles"]
    assert len(rows) > 2
    for row in rows:
        before, behind = find_gap(row["input"])
        for text in (row["target"], row["prediction"]):
            assert text.startswith(before)
            assert text.endswith(behind)
        assert is_valid(row["target"])
        assert row["asked_for"] == row["target"]
        assert (row["outcome"] == "invalid") <= (not is_valid(row["prediction"]))
    systems = {row["system"]: row for row in read_csv(test / "anchors.csv") if row["task"] == "fill_smiles"}
    assert list(systems) == ["model", "nearest training input", "base before this run"]
    assert {row["rows"] for row in systems.values()} == {str(len(rows))}
    known = {row["target"] for row in read_csv(table)} | {smiles for smiles, _ in PAIRS}
    assert {row["target"] for row in rows} <= known
    assert not any(row["finding"] == "input" for row in read_csv(test / "audit.csv"))


def test_a_gap_of_ones_own_is_filled_in(folder: Path) -> None:
    (folder / "gaps.csv").write_text("smiles,id\nc1ccccc1?C(=O)O,a\nCCO,b\n")
    predict = ["predict", "--ckpt_path", "runs/mix", "--data.predict_path", "gaps.csv"]
    several = command_here(predict, folder)
    assert several.returncode == 1
    assert "choose with --data.task" in several.stderr
    ran = command_here([*predict, "--data.task", "fill_smiles"], folder)
    assert ran.returncode == 0, ran.stderr
    filled, whole = read_csv(folder / "runs" / "mix" / "predict" / "predictions" / "gaps.csv")
    assert filled["input"] == filled["smiles"] == "c1ccccc1?C(=O)O"
    assert filled["prediction"].startswith("c1ccccc1")
    assert filled["prediction"].endswith("C(=O)O")
    assert whole["prediction"] == ""
    assert whole["reason"] == "smiles: expected one '?' in place of what is missing, but got none"
