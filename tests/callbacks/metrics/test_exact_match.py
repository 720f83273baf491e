from __future__ import annotations

from callbacks.metrics.exact_match import ExactMatch
from tests.helpers.callback_stubs import score_rows


def test_exact_match_by_each_notion():
    same_text, other_spelling, tautomer, mirror_image, wrong, broken = score_rows(
        ExactMatch(),
        ("CCO", "CCO"),
        ("OCC", "CCO"),
        ("Oc1ccccn1", "O=c1cccc[nH]1"),
        ("C[C@H](N)C(=O)O", "C[C@@H](N)C(=O)O"),
        ("CCC", "CCO"),
        ("CC(", "CCO"),
    )
    names = ["exact_match", "exact_match_canonical", "exact_match_inchikey", "exact_match_connectivity"]
    assert [same_text[name] for name in names] == [1, 1, 1, 1]
    assert [other_spelling[name] for name in names] == [0, 1, 1, 1]
    assert [tautomer[name] for name in names] == [0, 0, 1, 1]
    assert [mirror_image[name] for name in names] == [0, 0, 0, 1]
    assert [wrong[name] for name in names] == [0, 0, 0, 0]
    assert [broken[name] for name in names] == [0, 0, 0, 0]


def test_exact_match_of_text_has_one_notion():
    assert score_rows(ExactMatch(), ("a b", "a b", "text"), ("a", "b", "text")) == [
        {"exact_match": 1.0},
        {"exact_match": 0.0},
    ]


def test_exact_match_columns_hold_every_notion_of_every_notation():
    columns = ExactMatch().columns
    assert len(set(columns)) == len(columns)
    assert {"exact_match", "exact_match_canonical", "exact_match_value"} <= set(columns)
