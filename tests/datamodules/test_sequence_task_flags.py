from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import pytest

from datamodules.sequence_task import SequenceTaskDataModule
from datamodules.task_data import TaskData
from datamodules.texts.draw_settings import DrawSettings
from tests.helpers.small_tables import make_module


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"batch_size": 0}, r"Expected --data.batch_size to be at least 1, but got 0"),
        ({"max_length": 1}, r"--data.max_length"),
        ({"shots": -1}, r"--data.shots"),
        ({"train_rows": 0}, r"--data.train_rows"),
        ({"epoch_rows": 0}, r"--data.epoch_rows"),
        ({"format": "text"}, r"format text asks nothing, so it needs --data.loss_on all"),
        ({"format": "text", "loss_on": "all", "shots": 1}, r"and --data.shots 0"),
        ({"split": "scaffold"}, r"needs a task with molecules"),
        ({"val_fraction": 0.9, "test_fraction": 0.3}, r"add up to less than 1"),
        ({"source": "nowhere.csv"}, r"nowhere.csv"),
    ],
)
def test_a_wrong_flag_is_refused_by_its_name(
    tokenizer: Any, words: str, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        make_module(tokenizer, options.pop("source", words), **options).setup("fit")


def test_max_length_is_at_most_the_context_of_the_base(tokenizer_of: Callable[..., Any], words: str) -> None:
    tokenizer = tokenizer_of()
    tokenizer.model_max_length = 64
    with pytest.raises(ValueError, match="at most the base's context of 64 tokens, but got 65"):
        make_module(tokenizer, words, max_length=65)


def test_each_flag_is_declared_once() -> None:
    owners = SequenceTaskDataModule, TaskData, DrawSettings
    kinds = inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD
    flags = [
        name
        for owner in owners
        for name, parameter in inspect.signature(owner).parameters.items()
        if parameter.kind not in kinds and name != "tokenizer"
    ]
    assert len(flags) == len(set(flags)) == 44


def test_a_flag_that_nothing_has_is_an_error(tokenizer: Any, words: str) -> None:
    with pytest.raises(TypeError, match="train_row"):
        make_module(tokenizer, words, train_row=3)
