from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from datamodules.formats import InstructionFormat
from datamodules.tasks import Side, Task, load_task
from datamodules.texts.contents import describe_training, find_changed
from datamodules.tokens.examples import Encoded

TOKENS = Encoded(np.array([7, 8, 1], dtype=np.uint16), np.array([0, 3]), np.array([1]))
FORM = InstructionFormat("arrow", "{{ input }} ->", " {{ output }}")
TASK = Task("t", Side("a", "text"), Side("b", "text"), ("Say it.",))


def describe(**changes: Any) -> dict[str, Any]:
    given = {"encoded": TOKENS, "form": FORM, "tasks": [TASK], "settings": {"--data.shots": 0}, **changes}
    return describe_training(**given)


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({}, []),
        ({"encoded": replace(TOKENS, ids=np.array([7, 8, 1], dtype=np.int32))}, []),  # the same tokens
        ({"encoded": replace(TOKENS, ids=np.array([7, 9, 1]))}, ["training rows"]),
        ({"encoded": replace(TOKENS, prompt_lengths=np.array([2]))}, ["training rows"]),
        ({"form": replace(FORM, prompt="{{ input }}:")}, ["format"]),
        ({"tasks": [replace(TASK, instructions=("Tell me.",))]}, ["tasks"]),
        ({"tasks": [replace(TASK, description="another text for people")]}, []),
        ({"settings": {"--data.shots": 2}}, ["--data.shots"]),
    ],
)
def test_content_that_differs_is_named(changes: dict[str, Any], names: list[str]) -> None:
    assert find_changed(describe(), describe(**changes)) == names


def test_a_checkpoint_that_says_nothing_is_taken() -> None:
    assert find_changed({}, describe()) == []


@pytest.mark.parametrize(
    ("task", "hashed"),
    [
        (TASK, "ff8b07f5680256845475d35a8ec3e3e6"),
        (load_task("random_smiles_to_canonical"), "77e84d72387326990c9bc6af41289e51"),
    ],
    ids=["made", "shipped"],
)
def test_a_checkpoint_from_before_masks_is_resumed(task: Task, hashed: str) -> None:
    described = describe(tasks=[task])["tasks"]
    assert described == hashed
    masked = replace(task, input=replace(task.input, mask="damage"))
    assert describe(tasks=[masked])["tasks"] != described
