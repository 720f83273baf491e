"""Read structures and names out of the pinned packages; nothing is checked here."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

PUBCHEM_FILES = (
    "chemical identifiers pubchem large.tsv",
    "chemical identifiers pubchem small.tsv",
    "chemical identifiers example user db.tsv",
)
_REGISTRY_NUMBER = re.compile(r"[\d\- ]*")


class Record(NamedTuple):
    """One molecule of a package: where it comes from, its structure, its names with the package's own one first."""

    source: str
    smiles: str
    names: tuple[str, ...]


def package_folder(module: str) -> Path:
    """Return the folder of an installed package without importing it.

    Raises:
        ValueError: If the package is not installed.
    """
    spec = find_spec(module)
    if spec is None or spec.origin is None:
        raise ValueError(f"Expected the package {module}, but it is not installed: run `make data`.")
    return Path(spec.origin).parent


def _names(names: Iterator[str] | list[str]) -> tuple[str, ...]:
    """Return the names in order, once each, without registry numbers (`50-00-0`) and empty ones."""
    return tuple(dict.fromkeys(name for name in names if not _REGISTRY_NUMBER.fullmatch(name)))


def read_chemicals() -> Iterator[Record]:
    """Yield PubChem's rows as `chemicals` has them: CID, CAS, formula, weight, SMILES, InChI, key, names."""
    folder = package_folder("chemicals") / "Identifiers"
    for file in PUBCHEM_FILES:
        with (folder / file).open(encoding="utf-8", newline="\n") as lines:
            for line in lines:
                cells = line.rstrip("\r\n").split("\t")
                yield Record("chemicals", cells[4], _names(cells[7:]))


def read_b3db() -> Iterator[Record]:
    """Yield the blood-brain-barrier molecules of B3DB's classification table."""
    path = package_folder("B3DB") / "B3DB_classification.tsv"
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            yield Record("b3db", row["SMILES"], _names([row["IUPAC_name"], row["compound_name"]]))
