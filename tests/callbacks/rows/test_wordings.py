from __future__ import annotations

import pytest

from callbacks.rows.evaluated_row import EvaluatedRow
from callbacks.rows.evaluation import Evaluation
from callbacks.rows.wordings import Wording, compare_wordings, has_wordings, source_text
from tests.helpers.fake_opsin import fake_opsin, need_opsin

MEANINGS = {"ethanol": "CCO", "ethyl alcohol": "CCO", "methanol": "CO", "vague": "CCO", "Ethanol": "CCO"}


def make(source, answer, notation="smiles", **further):
    return EvaluatedRow(
        0,
        "t",
        source,
        None,
        notation,
        notation,
        prediction=answer,
        score=-1.0,
        stopped=True,
        num_tokens=3,
        **further,
    )


def compare(*rows, reads_names=False):
    return compare_wordings(Evaluation(rows, reads_names=reads_names))


@pytest.mark.parametrize(
    ("source", "answer", "expected"),
    [
        ("CCO", "OCC", Wording(other=True, kept=True)),
        ("CCO", "CCO", Wording(other=False, kept=True)),
        ("CCO", "COC", Wording(other=True, kept=False)),
        ("CCO", "C(", Wording(other=True, kept=False)),
        ("Oc1ccccn1", "O=c1cccc[nH]1", Wording(other=True, kept=True)),  # tautomers have one InChIKey
    ],
)
def test_a_structure_keeps_its_meaning_by_inchikey(source, answer, expected):
    assert compare(make(source, answer)) == [expected]
    assert expected.counts == (expected.other and expected.kept)


def test_a_name_keeps_its_meaning_by_opsin():
    rows = [
        make("ethanol", answer, "iupac")
        for answer in ("ethyl alcohol", "methanol", "banana", "Ethanol", "vague")
    ]
    with fake_opsin(MEANINGS):
        found = compare(*rows, make("banana", "ethanol", "iupac"), reads_names=True)
    assert [one.kept for one in found] == [True, False, False, True, False, None]
    assert [one.other for one in found] == [True, True, True, False, True, True]  # case is no other wording
    unread = compare(*rows)
    assert {one.kept for one in unread} == {None}
    assert unread[0].counts


@need_opsin()
def test_the_real_opsin_says_the_same():
    rows = [make("ethanol", answer, "iupac") for answer in ("ethyl alcohol", "methanol", "banana")]
    assert [one.kept for one in compare(*rows, reads_names=True)] == [True, False, False]


def test_texts_are_told_apart_and_not_by_their_meaning():
    assert compare(make("a red hat", "a hat that is red", "text"), make("a", "a", "text")) == [
        Wording(other=True, kept=None), Wording(other=False, kept=None),
    ]  # fmt: skip


def test_rows_of_two_notations_numbers_and_choices_have_no_other_wording():
    named = EvaluatedRow(0, "t", "CCO", None, "smiles", "iupac", "ethanol", -1.0, True, 3)
    number, choice = make("1", "1", "number"), make("a", "b", "text", choices=("a", "b"))
    assert compare(named, number, choice) == [None] * 3
    assert not any(has_wordings(row) for row in (named, number, choice))


def test_the_source_is_what_the_prompt_has():
    assert source_text(make("OCC ethanol", "x", normal="CCO")) == "CCO"
    assert source_text(make("OCC ethanol", "x", normal="CCO", asked="C(O)C")) == "C(O)C"
    assert source_text(make("CCO", "x")) == "CCO"
