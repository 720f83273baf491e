from __future__ import annotations

import functools
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from rdkit import Chem

from datamodules.making.chunks import Plan, make_rows
from datamodules.making.held_out import are_for_training
from datamodules.making.names import METHODS, MOST_NAME, MOST_SMILES, Names, read_molecule
from datamodules.making.recipe import Candidate, make_chunk
from datamodules.notations import smiles as notation
from datamodules.notations.naming.prefixes import is_alphabetical
from datamodules.notations.naming.styles import is_inverted, is_openeye
from datamodules.sources.shipped import PUBCHEM
from tests.helpers.fake_opsin import fake_opsin, need_opsin


@functools.cache
def small_table() -> pa.Table:
    """Some molecules of the built-in data."""
    return PUBCHEM.load().table.slice(0, 112_000).take(list(range(0, 112_000, 40)))


def small_names() -> Names:
    """The recipe over some molecules."""
    return Names(small_table())


def check(name: str, meanings: dict[str, str]) -> str | None:
    with fake_opsin(meanings):
        [verdict] = small_names().check([Candidate(name, "swap")])
    return verdict.reason


def test_names_are_conventional_ones_of_training_molecules() -> None:
    recipe = small_names()
    rows = {row["iupac"]: row for row in small_table().to_pylist()}
    assert 1000 < len(recipe.names) < len(rows)
    for name in recipe.names:
        assert rows[name]["components"] == 1
        assert not is_openeye(name)
        assert not is_inverted(name)
    assert all(are_for_training([rows[name]["inchikey"][:14] for name in recipe.names]))


def test_candidates_depend_on_seed_and_chunk_only() -> None:
    one, other = small_names(), small_names()
    assert one.generate(0, 1, 60) == other.generate(0, 1, 60)
    assert one.generate(0, 1, 60) != one.generate(1, 1, 60) != one.generate(0, 2, 60)
    assert {candidate.method for candidate in one.generate(0, 0, 100)} == set(METHODS)


def find_molecule(trained: bool) -> str:
    """An alkane's SMILES on a side of the split."""
    chains = ["C" * length for length in range(5, 60)]
    return next(text for text in chains if are_for_training([notation.identity(text)]) == [trained])


def test_a_held_out_molecule_never_comes_through() -> None:
    held, trained = find_molecule(False), find_molecule(True)
    assert check("planted", {"planted": held}) == "held out"
    assert check("planted", {"planted": trained}) is None
    known_held = next(
        row
        for row in small_table().to_pylist()
        if not are_for_training([row["inchikey"][:14]])[0] and row["components"] == 1
    )
    assert check("planted", {"planted": known_held["smiles"]}) == "held out"


@pytest.mark.parametrize(
    ("meaning", "reason"),
    [
        ("", "not read: unknown name part"),
        ("CC.CC", "not one whole molecule"),
        ("*CC", "not one whole molecule"),
        ("C(C)(C)(C)(C)C", "no molecule for RDKit"),
        ("C" * (MOST_SMILES + 1), f"SMILES of more than {MOST_SMILES} characters"),
        ("CC(O)F |o1:1,2|", "racemic or relative stereo"),
    ],
)
def test_what_is_no_good_row_is_dropped_with_the_reason(meaning: str, reason: str) -> None:
    assert check("planted", {"planted": meaning} if meaning else {}) == reason


def test_ambiguous_long_and_known_names_are_dropped() -> None:
    assert check("vague", {}) == "fits several molecules"
    assert check("x" * (MOST_NAME + 1), {}) == f"not asked: name of more than {MOST_NAME} characters"
    assert check(small_names().names[0], {}) == "not asked: a training name"
    assert check("", {}) == "not asked: nothing fits"


def test_the_style_is_told_by_openeyes_words() -> None:
    recipe = small_names()
    with fake_opsin({"2-oxidanylpropane": find_molecule(True), "propan-2-ol": find_molecule(True)}):
        candidates = [Candidate("2-oxidanylpropane", "swap"), Candidate("propan-2-ol", "small")]
        rows = [recipe.row(*pair) for pair in zip(candidates, recipe.check(candidates), strict=True)]
    assert [row["style"] for row in rows] == ["openeye", "conventional"]
    assert [row["method"] for row in rows] == ["swap", "small"]
    assert rows[0]["smiles"] == find_molecule(True)


def test_molecules_are_canonical() -> None:
    molecule = read_molecule("OCC")
    assert not isinstance(molecule, str)
    assert (molecule.canonical, molecule.inchikey) == ("CCO", Chem.MolToInchiKey(Chem.MolFromSmiles("CCO")))


@need_opsin()
def test_each_method_gives_rows_that_keep_every_promise() -> None:
    chunk = make_chunk(small_names(), 0, 0, 300)
    rows = chunk.rows.to_pylist()
    assert {row["method"] for row in rows} == set(METHODS)
    assert len(rows) > 150
    assert all(are_for_training([row["inchikey"][:14] for row in rows]))
    assert all(are_for_training([notation.parent(row["smiles"]) for row in rows]))
    for row in rows:
        assert notation.normalize(row["smiles"]) == row["smiles"]
        assert Chem.MolToInchiKey(Chem.MolFromSmiles(row["smiles"])) == row["inchikey"]
        assert len(row["smiles"]) <= MOST_SMILES
        assert len(row["iupac"]) <= MOST_NAME
        assert "." not in row["smiles"]
    assert sum(is_alphabetical(row["iupac"]) for row in rows) > 0.95 * len(rows)


@need_opsin()
def test_names_are_the_same_on_one_and_on_two_processes(tmp_path: Path) -> None:
    plan = Plan(small_names, 0, 60)
    tables = []
    for processes in (1, 2):
        make_rows(plan, 80, tmp_path / f"{processes}.parquet", processes)
        tables.append(pq.read_table(tmp_path / f"{processes}.parquet"))
    assert tables[0].equals(tables[1])
    assert tables[0].schema.metadata == tables[1].schema.metadata
