from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from datamodules.notations import smiles
from datamodules.rows.task_rows import TaskRows
from datamodules.storage.text_columns import TextColumn, TextLists, as_strings
from datamodules.tasks import Side, Task
from datamodules.texts import augmentation
from datamodules.texts.augmentation import BASE, choose_variants, lay_out, mix

TASK = Task("t", Side("a", notation="smiles"), Side("b"), instructions=("first", "second", "third"))
MOLECULES = ["CC(=O)Oc1ccccc1C(=O)O", "CCO", "c1ccccc1O", "CCN(CC)CC"] * 5


def make_rows(task: Task, others: list[list[str]]) -> TaskRows:
    column = TextColumn.of(MOLECULES)
    count = np.arange(len(MOLECULES))
    return TaskRows(task, column, column, TextLists.of(others), column, column, count, count, "x.csv", [])


@pytest.mark.parametrize("epoch", [BASE, 0, 1])
@pytest.mark.parametrize("randomize", [False, True])
@pytest.mark.parametrize("phrasings", ["all", "first", "others"])
def test_augmentation_of_many_rows_is_that_of_single_rows(
    epoch: int, randomize: bool, phrasings: str
) -> None:
    others = [[f"C{'C' * row}", "CN"][: row % 3] for row in range(len(MOLECULES))]
    rows = make_rows(replace(TASK, input=replace(TASK.input, randomize=randomize)), others)
    places = np.array([3, 0, 7, 7, 19, 11, 5])
    draws = mix(4, max(epoch, 0), places)
    found = choose_variants(rows, places, draws, epoch, phrasings)  # type: ignore[arg-type]
    for number, (place, draw) in enumerate(zip(places.tolist(), draws.tolist(), strict=True)):
        text, instruction = MOLECULES[place], 0
        if epoch != BASE:
            choices = [text, *others[place]]
            text = choices[(draw >> 16) % len(choices)]
            instruction = {"all": draw % 3, "first": 0, "others": 1 + draw % 2}[phrasings]
        if randomize:
            text = smiles.randomize(text, (draw >> 32) & 0x7FFFFFFF)
        assert found.inputs[number] == text
        assert found.instructions[number] == instruction
        assert found.outputs[number] == MOLECULES[place]


def test_random_spellings_are_the_same_in_worker_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = make_rows(replace(TASK, input=replace(TASK.input, randomize=True)), [[]] * len(MOLECULES))
    places = np.arange(len(MOLECULES))
    here = choose_variants(rows, places, mix(0, 0, places), 0, "first")
    monkeypatch.setattr(augmentation, "_SPELLINGS_IN_PROCESS", 1)
    there = choose_variants(rows, places, mix(0, 0, places), 0, "first")
    assert list(here.inputs) == list(there.inputs)
    assert len(set(here.inputs)) > 10


def test_each_different_text_is_rendered_once_a_phrasing() -> None:
    seen: list[list[str]] = []

    def mark(sign: str):  # type: ignore[no-untyped-def]
        def function(texts):  # type: ignore[no-untyped-def]
            seen.append(texts.to_pylist())
            return as_strings([text + sign for text in texts.to_pylist()])

        return function

    column = TextColumn.of(["a", "b", "a", "a", "c"])
    laid = lay_out(column, np.array([0, 1, 0, 1, 0]), [mark("!"), mark("?"), mark("-")])
    assert list(laid) == ["a!", "b?", "a!", "a?", "c!"]
    assert [sorted(texts) for texts in seen] == [["a", "c"], ["a", "b"]]
