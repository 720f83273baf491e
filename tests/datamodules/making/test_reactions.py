from __future__ import annotations

import pytest

from datamodules.making.held_out import are_for_training
from datamodules.making.reactions import Reactions
from datamodules.making.recipe import Candidate, make_chunk
from datamodules.notations import smiles as notation
from datamodules.sources.building.named_reactions import NAMED_REACTIONS
from datamodules.sources.building.reactions import Rule
from datamodules.sources.shipped import PUBCHEM, SHIPPED

ACIDS = [f"{'C' * length}C(=O)O" for length in range(1, 30)]


def recipe() -> Reactions:
    return Reactions(PUBCHEM.load().table.slice(0, 112_000).take(list(range(0, 112_000, 20))))


def amide(acid: str) -> str:
    return notation.normalize(acid[:-1] + "NC1CC1")


def judge(text: str, method: str = "amide coupling") -> tuple[str | None, str]:
    [verdict] = recipe().check([Candidate(text, method)])
    return verdict.reason, verdict.facts.get("reaction", "")


def test_one_product_is_kept_and_a_held_out_one_dropped() -> None:
    sides = {acid: are_for_training([notation.identity(amide(acid))])[0] for acid in ACIDS if len(acid) < 30}
    trained = next(acid for acid, side in sides.items() if side)
    held = next(acid for acid, side in sides.items() if not side)
    reason, reaction = judge(f"{trained}.NC1CC1")
    assert reason is None
    assert reaction.endswith(f">{amide(trained)}")
    assert judge(f"{held}.NC1CC1") == ("held out", "")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "not asked: no reactants found"),
        ("CC.CCN", "no product"),
        ("OC(=O)CCCC(C)C(=O)O.CCN", "several products"),
    ],
)
def test_other_reactants_are_dropped_with_the_reason(text: str, reason: str) -> None:
    assert judge(text)[0] == reason


def test_rows_follow_their_rule_and_have_the_columns_of_the_source() -> None:
    made = recipe()
    chunk = make_chunk(made, 0, 0, 60)
    assert chunk.rows.equals(make_chunk(recipe(), 0, 0, 60).rows)
    rows = chunk.rows.to_pylist()
    assert len(rows) >= 3
    assert set(SHIPPED["reactions"].columns) <= set(chunk.rows.column_names)
    rules = {named.name: Rule(named) for named in NAMED_REACTIONS}
    trained = set(made.molecules)
    for row in rows:
        assert rules[row["name"]].makes(tuple(row["reactants"].split("."))) == {row["product"]}
        assert set(row["reactants"].split(".")) <= trained
        assert are_for_training([row["inchikey"][:14]]) == [True]
