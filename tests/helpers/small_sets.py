"""What every small built-in data set must hold to."""

from __future__ import annotations

import hashlib
import json
import random
from typing import Any

import pyarrow as pa
from rdkit import Chem

from datamodules.sources.building.small import SMALL_PINS
from datamodules.sources.shipped import ShippedSource


def load_checked(source: ShippedSource) -> pa.Table:
    """Return the table of a source after its checks: verified, of plain text, and the file that the counts tell of."""
    rows = source.load()
    assert (rows.file, rows.verified, rows.set_aside) == (source.name, True, [])
    counts = read_counts(source)
    content = source.path.read_bytes()
    assert counts["bytes"] == len(content) <= 1_500_000
    assert counts["sha256"] == hashlib.sha256(content).hexdigest()
    assert counts["rows"] == rows.total
    for column in rows.table.column_names:
        cells = rows.table[column].to_pylist()
        assert all(text is not None and text == text.strip() and text.isprintable() for text in cells), column
    return rows.table


def read_counts(source: ShippedSource) -> dict[str, Any]:
    """Return what the build wrote of a source; it must be that of the pinned packages."""
    counts = json.loads(source.path.with_name("small.json").read_text(encoding="utf-8"))
    assert counts["packages"] == SMALL_PINS
    return counts[source.name]


def check_molecules(table: pa.Table, sample: int = 500) -> None:
    """Assert that molecules are unique and sorted, and that RDKit agrees with the SMILES and InChIKeys of some."""
    keys = table["inchikey"].to_pylist()
    assert keys == sorted(set(keys))
    for row in random.Random(7).sample(table.select(["inchikey", "smiles"]).to_pylist(), sample):
        molecule = Chem.MolFromSmiles(row["smiles"])
        assert molecule is not None, row
        assert Chem.MolToSmiles(molecule) == row["smiles"], row
        assert Chem.MolToInchiKey(molecule) == row["inchikey"], row
