"""Tables that no source holds as such, made of shipped rows: several labels of a molecule, and options of each row's own.

Both are pure functions of the shipped data: what is drawn goes by a digest of the molecule.
"""

from __future__ import annotations

import csv
import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from datamodules.sources.lookup import load_source

LABELS = ("crosses", "dissolves", "liquid")
SOLUBLE = -4.0  # log mol/l: below it a compound is usually called poorly soluble
ROOM = 25.0  # °C
OPTIONS = 4
SMILES, NAME = 40, 45
"""Most characters of a molecule and of a name among the options, so that a prompt stays short."""


def write_labels(path: Path) -> None:
    """Write a table of measured molecules with a column for each of three labels, empty where it was not measured.

    Does it cross the blood-brain barrier (b3db), is its solubility in water at least 10^-4 mol/l (aqsoldb), is it liquid at
    25 °C (melting_points)?
    """
    rows: dict[str, dict[str, str]] = {}
    for source, label, judge in _JUDGES:
        for row in load_source(source).table.to_pylist():
            found = rows.setdefault(row["inchikey"], {"smiles": row["smiles"]})
            found[label] = judge(row)
    _write(path, ("smiles", *LABELS), (rows[key] for key in sorted(rows)))


_JUDGES: tuple[tuple[str, str, Callable[[Mapping[str, str]], str]], ...] = (
    ("b3db", "crosses", lambda row: "yes" if row["label"] == "crosses" else "no"),
    ("aqsoldb", "dissolves", lambda row: "yes" if float(row["log_s"]) >= SOLUBLE else "no"),
    ("melting_points", "liquid", lambda row: "yes" if float(row["celsius"]) < ROOM else "no"),
)


def write_options(path: Path, most: int = 8_000) -> None:
    """Write a table of molecules, each with its name among three names of molecules of the same formula.

    Args:
        path: The table.
        most: Most rows: those with the lowest digest.
    """
    isomers: dict[str, list[dict[str, str]]] = defaultdict(list)
    for row in load_source("pubchem").table.to_pylist():
        if row["components"] == 1 and len(row["smiles"]) <= SMILES and len(row["iupac"]) <= NAME:
            isomers[row["formula"]].append(row)
    chosen = [row for group in isomers.values() if len(group) >= OPTIONS for row in group]
    chosen.sort(key=lambda row: _draw(row["inchikey"]))
    rows = []
    for row in chosen[:most]:
        key = row["inchikey"]
        others = [other for other in isomers[row["formula"]] if other["inchikey"] != key]
        others.sort(key=lambda other: _draw(key, other["inchikey"]))
        names = sorted(
            {row["iupac"], *(other["iupac"] for other in others[: OPTIONS - 1])},
            key=lambda name: _draw(key, name),
        )
        if len(names) == OPTIONS:
            rows.append({"smiles": row["smiles"], "name": row["iupac"], "options": "|".join(names)})
    _write(path, ("smiles", "name", "options"), rows)


def _draw(*texts: str) -> str:
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()


def _write(path: Path, columns: Iterable[str], rows: Iterable[Mapping[str, str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(columns), restval="")
        writer.writeheader()
        writer.writerows(rows)
