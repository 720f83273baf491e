"""200 molecules of a first textbook of chemistry: do a model's answers hold where every reader can check them?

Columns: `iupac` (a list: the name as textbooks write it, then other conventional names; any is right), `smiles`, `inchikey`. All
of them stand in `pubchem`, under these names or others, so this is a test of the everyday and not of the unseen.
"""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as csv

from datamodules.sources.rows import Rows, built_in
from datamodules.sources.shipped import DATA

PATH = DATA / "textbook.tsv"


def files() -> list[Path]:
    """Return the file that is read."""
    return [PATH]


def load() -> Rows:
    """Return a row a molecule."""
    table = csv.read_csv(PATH, parse_options=csv.ParseOptions(delimiter="\t"))
    others = pc.fill_null(table["other_names"], "").to_pylist()
    names = [
        [name, *(text.split("|") if text else [])]
        for name, text in zip(table["iupac"].to_pylist(), others, strict=True)
    ]
    columns = {
        "iupac": pa.array(names, pa.list_(pa.string())),
        "smiles": table["smiles"],
        "inchikey": table["inchikey"],
    }
    return built_in("textbook", pa.table(columns))
