"""Options behind the input: in one order in evaluation, in another each time in training, always the row's own."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from datamodules.choices import Choices
from datamodules.formats import load_format
from datamodules.rows.task_rows import read_task
from datamodules.sources.rows import built_in
from datamodules.tasks import Side, Task
from datamodules.texts.asking import Asking
from datamodules.texts.rendering import RowStore
from tests.helpers.tiny import make_tokenizer

LETTERS = tuple("abcdefg")
TABLE = pa.table(
    {
        "q": [f"q{n}" for n in range(30)],
        "own": [list(LETTERS[: 2 + n % 5]) for n in range(30)],
        "a": ["a", "b"] * 15,
    }
)


@pytest.mark.parametrize("choices", [Choices(LETTERS, shown=True), Choices(column="own", shown=True)])
def test_options_are_shuffled_in_training_only(choices: Choices) -> None:
    task = Task("t", Side("q"), Side("a"), choices=choices)
    part = read_task(task, built_in("t", TABLE))
    store, rows = RowStore([part], load_format("arrow"), make_tokenizer(), seed=1), np.arange(30)
    assert store.varies()
    fixed = list(store.texts(rows)[0])
    epochs = [list(store.texts(rows, epoch)[0]) for epoch in (0, 0, 1)]
    assert epochs[0] == epochs[1] != epochs[2]
    assert fixed == list(store.texts(rows)[0]) != epochs[0]
    for row in range(30):
        expected = f"q{row}\nOptions: {'; '.join(part.options(row))} ->"
        assert fixed[row] == expected
        for texts in epochs:
            shown = texts[row].removesuffix(" ->").partition("Options: ")[2].split("; ")
            assert sorted(shown) == sorted(part.options(row))
    assert len({text.partition("Options: ")[2] for text in epochs[0]}) > 10


def test_the_order_in_which_a_table_holds_options_of_its_rows_means_nothing() -> None:
    task = Task("t", Side("q"), Side("a"), choices=Choices(column="own", shown=True))
    turned = TABLE.set_column(1, "own", [[list(reversed(options)) for options in TABLE["own"].to_pylist()]])
    asked = [
        list(
            RowStore([read_task(task, built_in("t", table))], load_format("arrow"), make_tokenizer()).texts(
                np.arange(30)
            )[0]
        )
        for table in (TABLE, turned)
    ]
    assert asked[0] == asked[1]
    listed = Task("t", Side("q"), Side("a"), choices=Choices(("low", "high", "a", "b"), shown=True))
    store = RowStore([read_task(listed, built_in("t", TABLE))], load_format("arrow"), make_tokenizer())
    assert store.texts(np.arange(1))[0][0] == "q0\nOptions: low; high; a; b ->"  # an order of the task's


def test_a_model_is_asked_with_its_options() -> None:
    task = Task("t", Side("q"), Side("a"), choices=Choices(("x", "y"), shown=True))
    assert Asking((task,), load_format("arrow")).prompt(None, task, "Q") == "Q\nOptions: x; y ->"
    plain = Task("t", Side("q"), Side("a"), choices=Choices(("x", "y")))
    assert Asking((plain,), load_format("arrow")).prompt(None, plain, "Q") == "Q ->"
