from __future__ import annotations

import csv
import math
from pathlib import Path

import numpy as np
import pytest

from callbacks.metrics.kinds.choice_scores import summarize_choices
from callbacks.reports.end_lines import describe_choices
from callbacks.statistics.class_names import read_class
from tests.helpers.runs import command, command_here, last_metrics, write_tiny_base


def test_values_of_a_small_table_by_hand() -> None:
    chances = np.array([[0.8, 0.2], [0.4, 0.6], [0.7, 0.3], [0.1, 0.9]])
    found = summarize_choices(chances, np.array([0, 0, 1, 1]), ("no", "yes"))
    assert found["accuracy"].value == 0.5
    assert found["balanced_accuracy"].value == 0.5
    assert found["auroc"].value == 0.75  # of the four pairs of a yes and a no, three are in order
    assert found["log_loss"].value == pytest.approx(-sum(map(math.log, (0.8, 0.4, 0.3, 0.9))) / 4)
    assert found["brier"].value == pytest.approx(2 * (0.04 + 0.36 + 0.49 + 0.01) / 4)
    assert found["recall_no"].value == found["precision_yes"].value == 0.5
    assert found["recall_no"].low < 0.5 < found["recall_no"].high


def test_a_class_that_is_always_answered_shows_in_the_balanced_accuracy() -> None:
    chances = np.tile([[0.9, 0.1]], (100, 1))
    targets = np.array([1] * 5 + [0] * 95)
    found = summarize_choices(chances, targets, ("0", "1"))
    assert found["accuracy"].value == 0.95
    assert found["balanced_accuracy"].value == 0.5
    assert found["auroc"].value == 0.5
    assert found["recall_1"].value == 0


def test_rows_with_choices_of_their_own_have_no_classes() -> None:
    chances = np.array([[0.7, 0.3, np.nan], [0.2, 0.3, 0.5]])
    found = summarize_choices(chances, np.array([0, 1]), ())
    assert set(found) == {"accuracy", "log_loss", "brier"}
    assert found["accuracy"].value == 0.5


def write_classes(folder: Path, count: int = 120) -> str:
    """A table whose class is whether the molecule has a chlorine atom, a number, and one value that never changes."""
    path = folder / "classes.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["smiles", "chlorine", "atoms"])
        for number in range(count):
            smiles = "C" * (number // 2 + 1) + ("Cl" if number % 2 else "O")
            writer.writerow([smiles, number % 2, number // 2 + 2])
    return str(path)


def validate(folder: Path, devices: int) -> dict[str, float]:
    words = [
        "validate", "--name", f"on{devices}", "--model.base", write_tiny_base(folder), "--data.source", write_classes(folder),
        "--data.input_column", "smiles", "--data.output_column", "chlorine,atoms", "--data.format", "labels",
        "--data.val_fraction", "0.3", "--trainer.accelerator", "cpu", "--trainer.devices", str(devices), "--seed_everything", "3",
        "--trainer.strategy", "ddp" if devices > 1 else "auto", "--model.generation.max_new_tokens", "4",
    ]  # fmt: skip
    done = (command if devices > 1 else command_here)(words, folder)
    assert done.returncode == 0, done.stderr
    assert "'chlorine' is one of 2 choices (0, 1), 'atoms' is a number" in done.stderr
    return last_metrics(folder / "runs" / f"on{devices}" / "validate" / "metrics.csv")


def test_a_run_measures_the_same_on_any_number_of_ranks(tmp_path: Path) -> None:
    alone, together = (validate(tmp_path, devices) for devices in (1, 2))
    names = [name for name in alone if name.startswith("val/")]
    assert {name: together[name] for name in names} == pytest.approx(
        {name: alone[name] for name in names}, abs=1e-5
    )
    assert 0 <= alone["val/auroc"] <= 1
    assert alone["val/smiles_to_chlorine/accuracy"] == alone["val/smiles_to_chlorine/exact_match"]
    assert alone["val/smiles_to_chlorine/log_loss"] > 0
    assert alone["val/smiles_to_atoms/mae_all"] > 0
    assert "val/smiles_to_chlorine/char_bleu" not in alone


def test_no_class_shares_its_metrics_with_bounds_or_another_class() -> None:
    options = ("x", "x_low", "low", "x_high", "a/b", "a%2Fb")
    chances = np.eye(len(options)) * 0.5 + 0.5 / len(options)
    found = summarize_choices(chances, np.arange(len(options)), options)
    logged = [name + end for name in found for end in ("", "_low", "_high")]
    assert len(set(logged)) == len(logged)
    recalls = [name for name in found if name.startswith("recall_")]
    assert tuple(read_class("recall", name) for name in recalls) == options
    assert not any("/" in name for name in found)
    words = describe_choices({name: float(place) for place, name in enumerate(logged)})
    assert all(f" {option}: " in words for option in options)
