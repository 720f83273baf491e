"""Answers of whole models are tested in tests/test_patois.py; here what needs no second model."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cli.asking.find import describe
from cli.asking.model import Model, read_questions
from cli.commands.ask import choose_task
from datamodules.tasks import load_task
from datamodules.workers.guarded_worker import Result
from lightning_modules.decoder.bases import FLAGSHIP
from lightning_modules.generation.settings import GenerationSettings

BUNDLED = FLAGSHIP.parent / "bundled"


@pytest.fixture(scope="module")
def model() -> Model:
    return Model(describe(FLAGSHIP))


def test_longer_question_has_more_tokens_and_room_is_the_models(model: Model) -> None:
    task = model.find_task("smiles_to_iupac")
    room = model.weights(task.name).room
    assert 0 < model.count_tokens(task, "C") < model.count_tokens(task, "CCCCCCCCCCCCC(=O)N") < room


def test_a_task_may_have_weights_of_its_own_which_are_loaded_when_it_is_asked(model: Model) -> None:
    described = replace(model.described, weights=FLAGSHIP, weights_of={"iupac_to_smiles": BUNDLED})
    pair = Model(described)
    assert pair.weights("smiles_to_iupac").decoder is pair.weights("smiles_to_iupac").decoder
    assert list(pair._loaded) == [FLAGSHIP]
    [same], [other] = (
        pair.predict([text], task)
        for text, task in (("CCO", "smiles_to_iupac"), ("ethanol", "iupac_to_smiles"))
    )
    assert same == model.predict(["CCO"], "smiles_to_iupac")[0]
    assert other != model.predict(["ethanol"], "iupac_to_smiles")[0]
    assert list(pair._loaded) == [FLAGSHIP, BUNDLED]


def test_a_title_behind_a_smiles_is_left_out_as_in_a_table(model: Model) -> None:
    texts = ["CCO", "CCO my ethanol", "C1CC ring", "CCO |^1:0|"]
    plain, titled, broken, hinted = model.predict(texts, task="smiles_to_iupac")
    assert titled == plain
    assert broken.text is None
    assert hinted.text is None
    assert "ring" in (broken.why or "")
    assert choose_task(model, ["CCO my ethanol"]) == "smiles_to_iupac"


def test_batch_of_none_is_refused(model: Model) -> None:
    with pytest.raises(ValueError, match="Expected batch_size to be at least 1, but got 0"):
        model.predict(["CCO"], task="smiles_to_iupac", batch_size=0)


def test_order_of_the_answers_is_that_of_the_texts(model: Model) -> None:
    texts = ["CCCCCCO", "C", "CCO", "CC"]
    forward = model.predict(texts, task="smiles_to_iupac", batch_size=2)
    backward = model.predict(texts[::-1], task="smiles_to_iupac", batch_size=3)
    assert [answer.text for answer in forward] == [answer.text for answer in backward[::-1]]


def test_a_gap_is_asked_as_it_stands(model: Model) -> None:
    texts = [" c1ccccc1?C(=O)O ", "CCO", "C?C?"]
    good, none, two = read_questions(model.calls, load_task("fill_smiles"), texts)
    assert good == Result("c1ccccc1?C(=O)O", None)
    assert none.error == "expected one '?' in place of what is missing, but got none"
    assert two.error == "expected one '?' in place of what is missing, but got 2"
    [wrong] = read_questions(model.calls, load_task("repair_smiles"), ["CC(O"])
    assert wrong == Result("CC(O", None)


def test_a_number_makes_a_sampled_answer_the_same_beside_any_others(model: Model) -> None:
    task = model.find_task("smiles_to_iupac")
    settings = GenerationSettings("sample", temperature=4.0, max_new_tokens=12)
    questions = ["CCO", "CCCCCCCCN", "c1ccccc1O"]
    together = model.generate(task, questions, settings, numbers=[7, 8, 9])
    for place in (0, 1, 2):
        [alone] = model.generate(task, [questions[place]], settings, numbers=[7 + place])
        assert alone is not None
        assert together[place] is not None
        assert alone.text == together[place].text  # type: ignore[union-attr]
    first, second = model.generate(task, ["CCCCCCCCN"] * 2, settings, numbers=[8, 10])
    assert first != second
