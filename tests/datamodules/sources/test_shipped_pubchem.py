from __future__ import annotations

import hashlib
import json
import random
import re
import time
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from rdkit import Chem
from rdkit.Chem.rdMolDescriptors import CalcMolFormula

from datamodules.notations.naming.styles import is_inverted, is_openeye
from datamodules.sources.building.__main__ import PINS, SCHEMA
from datamodules.sources.shipped import PUBCHEM

COUNTS: dict[str, Any] = json.loads(PUBCHEM.path.with_suffix(".json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def table() -> pa.Table:
    return PUBCHEM.load().table


@pytest.fixture(scope="module")
def sample(table: pa.Table) -> list[dict[str, Any]]:
    """1,500 rows at random and 100 each of the rarer kinds."""
    draw = random.Random(7)
    chosen = set(draw.sample(range(table.num_rows), 1500))
    for mask in (
        table["has_stereo"],
        pc.greater(table["components"], 1),
        pc.not_equal(table["source"], "chemicals"),
    ):
        chosen |= set(draw.sample(pc.indices_nonzero(mask).to_pylist(), 100))
    return table.take(sorted(chosen)).to_pylist()


def test_rows_are_verified_and_quick_to_load() -> None:
    began = time.process_time()
    rows = PUBCHEM.load()
    assert time.process_time() - began < 3
    assert rows.verified
    assert (rows.file, rows.total, rows.set_aside) == ("pubchem", rows.table.num_rows, [])
    assert rows.table.drop_columns(["style"]).schema.equals(SCHEMA)
    styles = rows.table["style"].to_pylist()
    for name, style in zip(rows.table["iupac"].to_pylist(), styles, strict=True):
        assert style == (
            "openeye" if is_openeye(name) else "inverted" if is_inverted(name) else "conventional"
        )


def test_structures_agree_with_rdkit(sample: list[dict[str, Any]]) -> None:
    for row in sample:
        molecule = Chem.MolFromSmiles(row["smiles"])
        assert molecule is not None, row
        assert Chem.MolToSmiles(molecule) == row["smiles"], row
        assert Chem.MolToInchiKey(molecule) == row["inchikey"], row
        assert CalcMolFormula(molecule) == row["formula"], row
        assert len(Chem.GetMolFrags(molecule)) == row["components"], row


def test_structures_show_exactly_the_stereo_of_their_inchikey(table: pa.Table) -> None:
    # The second block of the key of a molecule without stereo and isotopes is always the same.
    for key, smiles, has_stereo in zip(
        *(table[name].to_pylist() for name in ("inchikey", "smiles", "has_stereo")), strict=True
    ):
        if not re.search(r"\[\d", smiles):
            assert has_stereo == (key[15:23] != "UHFFFAOY"), smiles


def test_molecules_are_unique_and_sorted(table: pa.Table) -> None:
    keys = table["inchikey"].to_pylist()
    assert keys == sorted(set(keys))
    assert len(set(table["smiles"].to_pylist())) == len(keys)
    assert len(set(table["iupac"].to_pylist())) == len(keys)
    assert all(re.fullmatch(r"[A-Z]{14}-[A-Z]{8}SA-[A-Z]", key) for key in keys)


def test_cells_are_printable_and_not_empty(table: pa.Table) -> None:
    for name in ("smiles", "iupac", "formula"):
        assert all(
            text and text.isascii() and text.isprintable() and text == text.strip()
            for text in table[name].to_pylist()
        )
        assert pc.max(pc.utf8_length(table[name])).as_py() <= 1000
    assert sum(column.null_count for column in table.columns) == 0


def test_synonyms_are_other_names_of_this_molecule_only(table: pa.Table) -> None:
    owner: dict[str, str] = {}
    for key, primary, synonyms in zip(
        *(table[name].to_pylist() for name in ("inchikey", "iupac", "synonyms")), strict=True
    ):
        assert primary not in synonyms
        assert len(set(synonyms)) == len(synonyms)
        for name in (primary, *synonyms):
            assert owner.setdefault(name, key) == key


def test_counts_and_checksum_are_those_in_the_json_file(table: pa.Table) -> None:
    content = PUBCHEM.path.read_bytes()
    assert COUNTS["bytes"] == len(content) <= 20_000_000
    assert COUNTS["sha256"] == hashlib.sha256(content).hexdigest()
    assert COUNTS["packages"] == PINS
    assert COUNTS["rows"] == table.num_rows >= 110_000
    per_source = {item["values"]: item["counts"] for item in pc.value_counts(table["source"]).to_pylist()}
    assert COUNTS["rows_per_source"] == per_source
    assert COUNTS["has_stereo"] == pc.sum(table["has_stereo"]).as_py()
    assert COUNTS["single_component"] == pc.sum(pc.equal(table["components"], 1)).as_py()
    assert COUNTS["synonyms"] == pc.sum(pc.list_value_length(table["synonyms"])).as_py()
    assert COUNTS["openeye_primary"] == sum(map(is_openeye, table["iupac"].to_pylist()))
    assert COUNTS["inverted_primary"] == sum(map(is_inverted, table["iupac"].to_pylist()))
    assert COUNTS["molecules"] == COUNTS["rows"] + sum(
        reasons["no name that OPSIN reads as the same molecule"] for reasons in COUNTS["set_aside"].values()
    )


def test_primary_names_are_conventional_where_there_is_one(table: pa.Table) -> None:
    names = dict(zip(table["smiles"].to_pylist(), table["iupac"].to_pylist(), strict=True))
    assert names["O=C(O)c1cccc(O)c1O"] == "2,3-dihydroxybenzoic acid"
    assert names["CC(=O)O"] == "acetic acid"
    assert names["NC(=O)CC(N)C(=O)O"] == "2,4-diamino-4-oxobutanoic acid"
    for primary, synonyms in zip(table["iupac"].to_pylist(), table["synonyms"].to_pylist(), strict=True):
        if is_openeye(primary):
            assert all(is_openeye(name) for name in synonyms), primary
