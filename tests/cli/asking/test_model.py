"""Answers of whole models are tested in tests/test_patois.py; here what needs no second model."""

from __future__ import annotations

import pytest

from cli.asking.find import describe
from cli.asking.model import Model
from cli.commands.ask import choose_task
from lightning_modules.decoder.bases import FLAGSHIP


@pytest.fixture(scope="module")
def model() -> Model:
    return Model(describe(FLAGSHIP))


def test_longer_question_has_more_tokens_and_room_is_the_models(model: Model) -> None:
    task = model.find_task("smiles_to_iupac")
    assert 0 < model.count_tokens(task, "C") < model.count_tokens(task, "CCCCCCCCCCCCC(=O)N") < model.room


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
