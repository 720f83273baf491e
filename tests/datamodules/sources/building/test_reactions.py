from __future__ import annotations

from datamodules.sources.building.named_reactions import NAMED_REACTIONS
from datamodules.sources.building.reactions import Product, Rule, make_reaction, make_reactions
from datamodules.sources.shipped import SHIPPED

BY_NAME = {named.name: named for named in NAMED_REACTIONS}


def test_rows_of_a_sample_are_the_committed_ones() -> None:
    committed = SHIPPED["reactions"].load().table.to_pylist()
    for row in committed[::250]:
        product = Product(row["inchikey"], row["product"])
        assert make_reaction(Rule(BY_NAME[row["name"]]), product) == row


def test_row_tells_all_parts_of_a_reaction() -> None:
    rows, counts = make_reactions([Product("KEY", "CC(=O)NCc1ccccc1")], [BY_NAME["amide coupling"]])
    assert counts == {"amide coupling": 1}
    assert rows == [
        {
            "inchikey": "KEY",
            "name": "amide coupling",
            "reactants": "CC(=O)O.NCc1ccccc1",
            "reagents": "CCN=C=NCCCN(C)C",
            "product": "CC(=O)NCc1ccccc1",
            "reaction": "CC(=O)O.NCc1ccccc1>CCN=C=NCCCN(C)C>CC(=O)NCc1ccccc1",
        }
    ]


def test_mixtures_and_spoilt_reactions_are_none() -> None:
    acylation, coupling = Rule(BY_NAME["Friedel-Crafts acylation"]), Rule(BY_NAME["amide coupling"])
    assert len(acylation.makes(("CC(=O)Cl", "Cc1ccccc1"))) == 3  # ortho, meta and para
    assert make_reaction(acylation, Product("KEY", "CC(=O)c1ccc(C)cc1")) is None
    assert coupling.makes(("NCC(=O)O", "CN")) == set()  # the acid couples with itself
    grignard = Rule(BY_NAME["Grignard addition"])
    assert grignard.makes(("CC(C)=O", "Br[Mg]c1ccccc1")) == {"CC(C)(O)c1ccccc1"}
    assert grignard.makes(("O=C1CCC(O)CC1", "Br[Mg]c1ccccc1")) == set()  # quenched by the alcohol


def test_charged_or_mixed_products_are_left_out_and_numbers_are_limited() -> None:
    named = [BY_NAME["Boc deprotection"]]
    products = [
        Product("A", "C[N+](C)(C)CCN"),
        Product("B", "CCN.Cl"),
        Product("C", "NCC[N+](=O)[O-]"),
        Product("D", "CCN"),
    ]
    rows, _ = make_reactions(products, named)
    assert [row["inchikey"] for row in rows] == ["C", "D"]
    assert len(make_reactions(products, named, most=1)[0]) == 1
    assert make_reactions(reversed(products), named) == make_reactions(products, named)
