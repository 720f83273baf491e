from __future__ import annotations

import re
from collections import Counter

import pyarrow.parquet as pq
import pytest

from configs.lookup import PROJECT
from datamodules.infilling import (
    KINDS,
    MARK,
    Masked,
    check_kind,
    draw_of_text,
    find_gap,
    mask_text,
    why_no_gap,
)
from datamodules.notations import iupac, selfies, smiles

ASPIRIN = {
    "smiles": "CC(=O)Oc1ccccc1C(=O)O",
    "iupac": "2-acetyloxybenzoic acid",
    "selfies": "[C][C][=Branch1][C][=O][O][C][=C]",
}


@pytest.fixture(scope="module")
def table() -> dict[str, list[str]]:
    found = pq.read_table(PROJECT / "datamodules/sources/data/pubchem.parquet", columns=["smiles", "iupac"])
    return {name: found.column(name).to_pylist()[::20] for name in ("smiles", "iupac")}


@pytest.mark.parametrize("notation", ["smiles", "iupac"])
def test_bundled_texts_are_prefix_answer_and_suffix(notation: str, table: dict[str, list[str]]) -> None:
    masked = 0
    for text in table[notation]:
        found = mask_text("spans", notation, text, draw_of_text(text))
        if found is None:
            continue
        masked += 1
        before, behind = find_gap(found.shown)
        assert before + found.answer + behind == text
        assert found.answer == found.answer.strip() != ""
        assert found.shown.count(MARK) == 1
        assert before or behind
    assert masked > 5_000
    assert masked > 0.98 * len(table[notation])


def test_gaps_end_between_atoms(table: dict[str, list[str]]) -> None:
    for text in table["smiles"]:
        ends = {0}
        for found in re.finditer(r"\[[^\]]*\]|Br|Cl|%\d\d|.", text):
            ends.add(found.end())
        masked = mask_text("spans", "smiles", text, draw_of_text(text))
        if masked is not None:
            before, behind = find_gap(masked.shown)
            assert {len(before), len(text) - len(behind)} <= ends


def test_a_draw_decides_and_draws_differ() -> None:
    for notation, text in ASPIRIN.items():
        drawn = [mask_text("spans", notation, text, draw) for draw in range(200)]
        assert drawn == [mask_text("spans", notation, text, draw) for draw in range(200)]
        assert len(set(drawn)) > 10


def test_lengths_and_places_are_spread_evenly() -> None:
    text = "".join("CNOS"[number % 4] for number in range(20))
    answers = [mask_text("spans", "smiles", text, draw_of_text(str(number))) for number in range(20_000)]
    lengths = Counter(len(one.answer) for one in answers if one)
    assert set(lengths) == set(range(1, 11))
    assert max(lengths.values()) - min(lengths.values()) < 300  # 2,000 each, standard deviation 42
    places = Counter(len(find_gap(one.shown)[0]) for one in answers if one and len(one.answer) == 1)
    assert set(places) == set(range(20))


@pytest.mark.parametrize("text", ["a b", "a  b", "1 2 3"])
def test_no_answer_begins_or_ends_with_a_space(text: str) -> None:
    for draw in range(200):
        found = mask_text("spans", "iupac", text, draw)
        assert found is not None
        assert found.answer == found.answer.strip() != ""
        assert found.answer.join(find_gap(found.shown)) == text


def test_what_cannot_have_a_gap_has_none() -> None:
    assert mask_text("spans", "smiles", "C", 3) is None
    assert mask_text("spans", "smiles", "[NH4+]", 3) is None
    assert mask_text("spans", "iupac", "what?", 3) is None
    assert mask_text("damage", "smiles", "C", 3) is None


@pytest.mark.parametrize("text", ["CC", "CCCCCCCC", "CC(=O)Oc1ccccc1C(=O)O", "acetic acid", "a b"])
def test_damaged_texts_differ_from_the_answer(text: str) -> None:
    found = [mask_text("damage", "smiles", text, draw) for draw in range(300)]
    assert found == [mask_text("damage", "smiles", text, draw) for draw in range(300)]
    for one in found:
        assert isinstance(one, Masked)
        assert one.answer == text
        assert one.shown not in ("", text)
        assert one.shown == one.shown.strip()
        assert abs(len(one.shown) - len(text)) <= max(2, len(text) // 10)


def test_pieces_are_the_text() -> None:
    for notation, text in (
        (smiles, "C[C@@H](Br)c1cc2%10c(Cl)1->[Fe+2]"),
        (selfies, "[C][=O].[Na+1]"),
        (iupac, "(2R)-2-[(4-chlorophenyl)methyl]propanedioic acid;hydrate"),
    ):
        assert "".join(notation.pieces(text)) == text
    assert smiles.pieces("C[C@@H](Br)c1%10Cl") == ["C", "[C@@H]", "(", "Br", ")", "c", "1", "%10", "Cl"]
    assert iupac.pieces("10-bromoxyz")[:2] == ["10", "-"]


def test_kinds_that_cannot_work_are_refused() -> None:
    for kind in KINDS:
        check_kind(kind, "smiles")
    check_kind("damage", "text")
    with pytest.raises(ValueError, match=r"expected `mask` to be spans or damage, but got 'span'"):
        check_kind("span", "smiles")
    with pytest.raises(
        ValueError, match=r"'number' has none: use one of iupac, selfies, smiles, or `mask: damage`"
    ):
        check_kind("spans", "number")


def test_questions_have_one_gap() -> None:
    assert why_no_gap("c1ccccc1?C(=O)O") is None
    assert why_no_gap("?C(=O)O") is None
    assert why_no_gap("CCO") == "expected one '?' in place of what is missing, but got none"
    assert why_no_gap("C?C?O") == "expected one '?' in place of what is missing, but got 2"
