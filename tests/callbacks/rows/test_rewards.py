"""Rewards of answers: each by its definition, with and without references, by OPSIN's readings where names are involved."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from rapidfuzz.distance import Levenshtein

from callbacks.rows.notation_calls import NotationCalls
from callbacks.rows.rewards import REWARDS, CheckedReward, check_reward
from datamodules.notations import smiles
from datamodules.tasks import Side, Task
from tests.helpers.fake_opsin import fake_opsin

NAMES = {
    "ethanol": "CCO",
    "propan-1-ol": "CCCO",
    "methoxymethane": "COC",
    "vague name": "CCO",
    "ethyl alcohol": "CCO",
}
DRAW = Task("draw", Side("name", "iupac"), Side("smiles", "smiles"))
NAME = Task("name", Side("smiles", "smiles"), Side("name", "iupac"))
COUNT = Task("count", Side("smiles", "smiles"), Side("formula", "formula"))
REACT = Task("react", Side("a", "smiles"), Side("b", "smiles"))
SPELL = Task("spell", Side("word"), Side("sounds", "phonemes"))


@pytest.fixture(scope="module")
def calls() -> Iterator[NotationCalls]:
    calls = NotationCalls(workers=1)
    yield calls
    calls.close()


def judge(
    calls: NotationCalls, name: str, task: Task, question: str, targets: list[str], *answers: str
) -> list[float]:
    reward = CheckedReward(name, calls)
    with fake_opsin(NAMES):
        found = reward(task, [question] * len(answers), [targets] * len(answers), answers)
    assert found.dtype == np.float64
    assert found.shape == (len(answers),)
    return found.tolist()


def test_right_is_the_same_molecule(calls: NotationCalls) -> None:
    assert judge(calls, "right", DRAW, "ethanol", ["CCO"], "CCO", "OCC", "CCN", "C(", "") == [1, 1, 0, 0, 0]


def test_right_allows_every_right_output(calls: NotationCalls) -> None:
    assert judge(calls, "right", SPELL, "read", ["R IY1 D", "R EH1 D"], "R EH1 D", "R IY1 D", "R AH0") == [
        1,
        1,
        0,
    ]


def test_right_of_names_is_the_molecule_that_is_asked_for(calls: NotationCalls) -> None:
    found = judge(
        NotationCalls(),
        "right",
        NAME,
        "CCO",
        ["ethanol"],
        "ethanol",
        "ethyl alcohol",
        "propan-1-ol",
        "banana",
    )
    assert found == [1, 1, 0, 0]


def test_right_of_names_needs_no_reference(calls: NotationCalls) -> None:
    assert judge(calls, "right", NAME, "OCC", [], "ethyl alcohol", "methoxymethane", "") == [
        1,
        0,
        0,
    ]


def test_right_of_a_name_that_fits_several_molecules_is_not_proved(calls: NotationCalls) -> None:
    assert judge(calls, "right", NAME, "CCO", [], "vague name") == [0]
    assert judge(calls, "formula", NAME, "CCO", [], "vague name") == [1]


def test_right_without_a_reference_is_told_by_the_name_that_is_asked_about(calls: NotationCalls) -> None:
    assert judge(calls, "right", DRAW, "ethanol", [], "OCC", "CCCO") == [1, 0]
    assert np.isnan(judge(calls, "right", DRAW, "vague name", [], "CCO")).all()
    assert np.isnan(judge(calls, "right", DRAW, "banana", [], "CCO")).all()


def test_nothing_but_valid_is_told_without_a_reference_where_the_input_does_not_tell(
    calls: NotationCalls,
) -> None:
    for name in REWARDS:
        found = judge(calls, name, REACT, "CCO", [], "CC=O", "C(")
        assert found == [1, 0] if name == "valid" else np.isnan(found).all()


def test_valid_of_names_is_readable(calls: NotationCalls) -> None:
    assert judge(calls, "valid", NAME, "CCO", [], "ethanol", "propan-1-ol", "banana", "eth(") == [
        1,
        1,
        0,
        0,
    ]
    assert judge(calls, "valid", SPELL, "cat", [], "K AE1 T", "cat") == [1, 0]


def test_similarity_of_molecules_is_tanimoto(calls: NotationCalls) -> None:
    found = judge(calls, "similarity", DRAW, "ethanol", ["CCO"], "OCC", "CCCO", "C(")
    assert found == [1, pytest.approx(smiles.similarity("CCCO", "CCO")["morgan"]), 0]


def test_similarity_of_names_is_that_of_their_molecules(calls: NotationCalls) -> None:
    found = judge(calls, "similarity", NAME, "CCO", [], "ethyl alcohol", "propan-1-ol", "banana")
    assert found == [1, pytest.approx(smiles.similarity("CCCO", "CCO")["morgan"]), 0]


def test_similarity_of_texts_is_of_the_nearest_right_output(calls: NotationCalls) -> None:
    found = judge(calls, "similarity", SPELL, "read", ["R IY1 D", "R EH1 D"], "R EH0 D")
    assert found == [pytest.approx(1 - Levenshtein.distance("R EH0 D", "R EH1 D") / 7)]


def test_formula_is_the_composition(calls: NotationCalls) -> None:
    assert judge(calls, "formula", DRAW, "ethanol", ["CCO"], "COC", "CCCO", "C(") == [1, 0, 0]
    assert judge(calls, "formula", COUNT, "CCO", [], "C2H6O", "CH3CH2OH", "C2H6", "x") == [1, 1, 0, 0]
    assert judge(calls, "formula", NAME, "CCO", [], "methoxymethane", "propan-1-ol", "banana") == [
        1,
        0,
        0,
    ]


def test_no_answers_have_no_rewards(calls: NotationCalls) -> None:
    assert CheckedReward("right", calls)(DRAW, [], [], []).shape == (0,)


def test_check_reward_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("callbacks.rows.rewards.how_to_read_names", lambda: "install Java")
    check_reward("right", DRAW)
    check_reward("valid", DRAW, has_references=False)
    for name in REWARDS:
        with pytest.raises(
            ValueError, match=f"Expected OPSIN for the reward {name} of name .*: install Java"
        ):
            check_reward(name, NAME)
    with pytest.raises(ValueError, match="Expected OPSIN for the reward formula of draw"):
        check_reward("formula", DRAW, has_references=False)
    with pytest.raises(
        ValueError, match=r"molecules, names or formulas as answers for the reward formula.*spell"
    ):
        check_reward("formula", SPELL)
    with pytest.raises(ValueError, match=r"rows with references for the reward right.*react"):
        check_reward("right", REACT, has_references=False)
    with pytest.raises(
        ValueError, match="Expected a reward of right, valid, similarity, formula, but got 'nice'"
    ):
        check_reward("nice", DRAW)


def test_each_right_output_counts_and_the_best_is_taken(calls: NotationCalls) -> None:
    for name in ("right", "similarity", "formula"):
        assert judge(calls, name, DRAW, "either", ["CCO", "CO"], "CO", "OCC") == [1, 1], name
    far, near = judge(calls, "similarity", DRAW, "either", ["CCCCCCO", "CCN"], "CCCCCO", "CCN")
    assert 0 < far < near == 1
    assert np.isnan(judge(calls, "similarity", REACT, "CCO", [], "CO")).all()


@pytest.mark.parametrize("notation", ["text", "answer"])
def test_valid_is_refused_where_any_text_is(notation: str) -> None:
    task = Task("reply", Side("question"), Side("answer", notation))
    with pytest.raises(
        ValueError, match=r"can be not well-formed for the reward valid, but got reply .*Take right"
    ):
        check_reward("valid", task)
    with pytest.raises(ValueError, match=r"but they have none\. Give a table with the output column\.$"):
        check_reward("right", task, has_references=False)
