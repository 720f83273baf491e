from __future__ import annotations

from callbacks.rows.evaluated_row import EvaluatedRow
from callbacks.rows.notation_calls import NotationCalls
from callbacks.rows.structures import Structure, find_molecules, find_relations, read_structures
from tests.helpers.fake_opsin import fake_opsin

CALLS = NotationCalls(workers=1)
MEANINGS = {"ethanol": "C(C)O", "methoxymethane": "COC"}


def make_row(given, target, answer, notations=("smiles", "iupac")):
    return EvaluatedRow(0, "t", given, target, *notations, answer, -1.0, True, 3)


def test_structures_are_canonical_or_have_the_parser_s_reason():
    assert read_structures(CALLS, "smiles", ["OCC", "C("], False) == [
        Structure("CCO", None),
        Structure(None, "unbalanced parenthesis"),
    ]
    assert read_structures(CALLS, "selfies", ["[O][C][C]"], False) == [Structure("CCO", None)]
    assert read_structures(CALLS, "text", ["CCO"], True) == [None]


def test_names_are_structures_where_they_are_read():
    with fake_opsin(MEANINGS):
        calls = NotationCalls(workers=1)
        assert read_structures(calls, "iupac", ["ethanol", "banana"], True) == [
            Structure("CCO", None),
            Structure(None, "unknown name part"),
        ]
    assert read_structures(CALLS, "iupac", ["ethanol"], False) == [None]


def test_a_name_is_judged_by_the_question_and_a_structure_by_the_target():
    with fake_opsin(MEANINGS):
        calls = NotationCalls(workers=1)
        rows = [
            make_row("OCC", "methoxymethane", "ethanol"),
            make_row("N", "OCC", "C(O)C", ("smiles", "smiles")),
            make_row("spirit of wine", "ethanol", "methoxymethane", ("text", "iupac")),
        ]
        molecules = find_molecules(calls, rows, with_names=True)
    assert [one.reference for one in molecules] == ["CCO"] * 3
    assert [one.prediction.smiles for one in molecules if one.prediction] == ["CCO", "CCO", "COC"]
    relations = find_relations(calls, molecules)
    assert [relation["canonical"] for relation in relations if relation] == [True, True, False]
    assert relations[2] is not None
    assert relations[2]["formula"]


def test_what_means_no_molecule_is_related_by_nothing_or_cannot_be_said():
    rows = [make_row("CCO", "CCO", "C(", ("smiles", "smiles")), make_row("a", "b", "c", ("text", "text"))]
    relations = find_relations(CALLS, find_molecules(CALLS, rows, with_names=False))
    assert relations[0] is not None
    assert not any(relations[0].values())
    assert relations[1] is None
