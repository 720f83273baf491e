from __future__ import annotations

import random
from typing import Any

import pytest
from rdkit import Chem

from datamodules.notations import reaction, smiles
from datamodules.sources.building.named_reactions import NAMED_REACTIONS
from datamodules.sources.building.reactions import Rule
from datamodules.sources.shipped import PUBCHEM, SHIPPED
from tests.helpers.small_sets import load_checked, read_counts


@pytest.fixture(scope="module")
def rows() -> list[dict[str, Any]]:
    return load_checked(SHIPPED["reactions"]).to_pylist()


def test_every_named_reaction_has_rows(rows: list[dict[str, Any]]) -> None:
    assert list(rows[0]) == ["inchikey", "name", "reactants", "reagents", "product", "reaction"]
    assert {row["name"] for row in rows} == {named.name for named in NAMED_REACTIONS}
    assert sum(read_counts(SHIPPED["reactions"])["rows_per_name"].values()) == len(rows) > 9000
    assert len({(row["inchikey"], row["name"]) for row in rows}) == len(rows)


def test_products_are_molecules_of_pubchem(rows: list[dict[str, Any]]) -> None:
    """So the split by InChIKey is that of the tasks on names."""
    table = PUBCHEM.load().table
    known = dict(zip(table["smiles"].to_pylist(), table["inchikey"].to_pylist(), strict=True))
    assert all(known[row["product"]] == row["inchikey"] for row in rows)


def test_cells_are_valid_in_their_notations(rows: list[dict[str, Any]]) -> None:
    for row in random.Random(1).sample(rows, 600):
        assert row["reaction"] == f"{row['reactants']}>{row['reagents']}>{row['product']}"
        assert reaction.is_valid(row["reaction"])
        assert smiles.is_valid(row["reactants"])
        assert not row["reagents"] or smiles.is_valid(row["reagents"])


def test_forward_rules_give_the_product_and_no_other(rows: list[dict[str, Any]]) -> None:
    rules = {named.name: Rule(named) for named in NAMED_REACTIONS}
    for row in random.Random(2).sample(rows, 400):
        parts = tuple(Chem.MolToSmiles(Chem.MolFromSmiles(part)) for part in row["reactants"].split("."))
        assert rules[row["name"]].makes(parts) == {row["product"]}, row
