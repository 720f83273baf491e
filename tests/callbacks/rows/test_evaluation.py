from __future__ import annotations

import pytest

from callbacks.rows import evaluation as module
from callbacks.rows.evaluated_row import EvaluatedRow
from callbacks.rows.evaluation import Evaluation
from callbacks.rows.notation_calls import NotationCalls
from datamodules.workers.guarded_worker import GuardedWorker
from tests.helpers.fake_opsin import fake_opsin

ANSWERS = [
    ("smiles", "CCO", "CCO", "exact"),
    ("iupac", "ethanol", "ethyl alcohol", "equivalent"),
    ("smiles", "CCO", "C(", "invalid"),
    ("text", "a", "b", "different"),
    ("smiles", "C[C@H](N)C(=O)O", "C[C@@H](N)C(=O)O", "stereo"),
]
ROWS = [
    EvaluatedRow(index, "t", "CCO", target, "smiles", notation, answer, -1.0, True, 3)
    for index, (notation, target, answer, _) in enumerate(ANSWERS)
]
PARTS = (
    "judge_validity",
    "judge_sameness",
    "judge_similarity",
    "find_molecules",
    "find_relations",
    "find_outcomes",
)


@pytest.mark.parametrize("notation", ["text", "iupac"])
def test_answer_in_the_other_unicode_form_is_exact(notation):
    pairs = [("caf\u00e9", "cafe\u0301"), ("cafe\u0301", "caf\u00e9"), ("cafe", "caf\u00e9")]
    rows = [
        EvaluatedRow(place, "t", "x", target, "text", notation, answer, 0.0, True, 3)
        for place, (answer, target) in enumerate(pairs)
    ]
    assert [one.name for one in Evaluation(rows).outcomes] == ["exact", "exact", "different"]


@pytest.fixture
def computed(monkeypatch):
    """What was computed, in order."""
    calls = []
    for name in PARTS:
        plain = getattr(module, name)

        def listen(*arguments, name=name, plain=plain):
            calls.append(name)
            return plain(*arguments)

        monkeypatch.setattr(module, name, listen)
    return calls


def test_everything_is_computed_once_and_nothing_before_it_is_asked_for(computed):
    with fake_opsin({"ethyl alcohol": "CCO", "ethanol": "OCC"}):
        evaluation = Evaluation(ROWS, reads_names=True)
        assert computed == []
        for _ in range(2):
            assert [outcome.name for outcome in evaluation.outcomes] == [outcome for *_, outcome in ANSWERS]
            assert [bool(reason) for reason in evaluation.invalid_reasons] == [
                False,
                False,
                True,
                False,
                False,
            ]
            assert evaluation.sameness[3] == {"string": False}
            assert evaluation.similarities[3] is None
            assert evaluation.molecules[1].reference == "CCO"
            assert evaluation.relations[3] is None
    assert sorted(computed) == sorted(PARTS)


def test_validity_alone_costs_validity_alone(computed, monkeypatch):
    functions = set()
    plain = GuardedWorker.map

    def listen(self, notation, function, arguments):
        functions.add(function)
        return plain(self, notation, function, arguments)

    monkeypatch.setattr(GuardedWorker, "map", listen)
    assert Evaluation(ROWS).invalid_reasons[2] is not None
    assert computed == ["judge_validity"]
    assert functions == {"invalid_reason"}


def test_names_are_text_where_they_are_not_read():
    assert [outcome.name for outcome in Evaluation(ROWS).outcomes][1] == "different"


def test_other_answers_are_judged_under_the_same_conditions():
    evaluation = Evaluation(ROWS, NotationCalls(workers=1), reads_names=True, abstain_below=0.5)
    other = evaluation.of(ROWS[:1])
    assert other.rows == ROWS[:1]
    assert other.calls is evaluation.calls
    assert other.training is evaluation.training
    assert (other.reads_names, other.abstain_below) == (True, 0.5)
    assert evaluation.training.texts("t") == []
