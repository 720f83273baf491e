from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from datamodules.formats import load_format
from datamodules.rows.task_rows import TaskRows
from datamodules.splits import TEST, TRAIN
from datamodules.storage.text_columns import TextColumn, TextLists
from datamodules.tasks import Side, Task
from datamodules.texts.augmentation import mix
from datamodules.texts.demonstrations import Demonstrations
from datamodules.texts.rendering import RowStore
from datamodules.tokens.examples import ANSWER_MARK, IGNORE_INDEX

TASK = Task("t", Side("a"), Side("b"))


def make_part(
    inputs: list[str], identities: list[str] | None = None, groups: list[str] | None = None
) -> TaskRows:
    count = len(inputs)
    return TaskRows(
        task=TASK if groups is None else replace(TASK, shots_from="rule"),
        inputs=TextColumn.of(inputs),
        outputs=TextColumn.of([text.upper() for text in inputs]),
        alternatives=TextLists.of([[] for _ in range(count)]),
        identities=TextColumn.of(identities or inputs),
        originals=TextColumn.of(inputs),
        lines=np.arange(count) + 1,
        table_rows=np.arange(count),
        file="x.csv",
        set_aside=[],
        groups=None if groups is None else TextColumn.of(groups),
    )


def test_a_range_draws_the_number_by_seed_epoch_and_row() -> None:
    part = make_part([f"w{number}" for number in range(40)])
    shown = Demonstrations([part], "0-3")
    shown.draw_from(np.arange(20))

    def counts(epoch: int) -> list[int]:
        draws = mix(5, epoch, np.arange(40)).tolist()
        return [len(shown.choose(row, draw)) for row, draw in enumerate(draws)]

    assert counts(0) == counts(0) != counts(1)
    assert set(Counter(counts(0))) == {0, 1, 2, 3}


def test_a_number_and_the_same_as_a_range_choose_the_same_rows() -> None:
    part = make_part([f"w{number}" for number in range(40)])
    one, other = Demonstrations([part], 3), Demonstrations([part], "3-3")
    for shown in (one, other):
        shown.draw_from(np.arange(20))
    draws = mix(0, 2, np.arange(40)).tolist()
    assert [one.choose(row, draw) for row, draw in enumerate(draws)] == [
        other.choose(row, draw) for row, draw in enumerate(draws)
    ]


def test_similar_rows_come_nearest_last_and_never_of_the_rows_identity() -> None:
    inputs = ["greenhouse", "greenhouses", "green", "house", "sky", "skyline"]
    part = make_part(inputs, ["one", "one", "c", "d", "e", "f"])
    shown = Demonstrations([part], 2, "similar")
    shown.draw_from(np.arange(6))
    assert [inputs[row] for row in shown.choose(0, 77)][-1] in ("green", "house")
    assert 1 not in shown.choose(0, 77)
    assert [inputs[row] for row in shown.choose(5, 1)][-1] == "sky"
    assert shown.choose(5, 1) == shown.choose(5, 2)  # not by chance


def test_similar_rows_found_together_are_those_found_alone() -> None:
    part = make_part([f"w{number * 37 % 101}x{number}" for number in range(50)])
    together, alone = (Demonstrations([part], 3, "similar") for _ in range(2))
    for shown in (together, alone):
        shown.draw_from(np.arange(0, 50, 2))
    together.find_all(np.arange(50))
    assert [together.choose(row, 0) for row in range(50)] == [alone.choose(row, 0) for row in range(50)]


@pytest.mark.parametrize("by", ["chance", "similar"])
def test_demonstrations_of_a_group_are_of_the_rows_own_side(by: Any) -> None:
    part = make_part(
        [f"w{number}" for number in range(24)], ["r"] * 24, [f"rule{number % 3}" for number in range(24)]
    )
    sides = np.array([TRAIN if number % 3 else TEST for number in range(24)], dtype=np.int8)
    shown = Demonstrations([part], 3, by)
    shown.draw_from(np.flatnonzero(sides == TRAIN), sides)
    for row, draw in enumerate(mix(0, 0, np.arange(24)).tolist()):
        chosen = shown.choose(row, draw)
        assert len(set(chosen)) == 3
        assert row not in chosen
        assert {other % 3 for other in chosen} == {row % 3}


def test_a_group_of_one_row_is_asked_without_demonstrations() -> None:
    part = make_part(["x", "y", "z"], groups=["one", "two", "two"])
    shown = Demonstrations([part], 2)
    shown.draw_from(np.arange(3), np.zeros(3, dtype=np.int8))
    assert [shown.choose(row, 9) for row in range(3)] == [[], [2], [1]]


@pytest.mark.parametrize("form", ["arrow", "tags", "chatml", "alpaca"])
def test_loss_on_answers_supervises_every_answer_and_nothing_else(tokenizer: Any, form: str) -> None:
    part = make_part([f"w{number}" for number in range(30)])
    store = RowStore([part], load_format(form), tokenizer, shots="0-3", loss_on="answers")
    store.demonstrations.draw_from(np.arange(20))
    encoded = store.encode(np.arange(30), epoch=1)
    draws = mix(0, 1, np.arange(30)).tolist()
    for row in range(30):
        labels = encoded.labels(row, "answers")
        ids = encoded.example(row)
        text = tokenizer.decode(ids[labels != IGNORE_INDEX].tolist())
        answers = [part.outputs[other] for other in store.demonstrations.choose(row, draws[row])]
        assert [word for word in answers if word not in text] == []
        assert part.outputs[row] in text
        assert part.inputs[row] not in text
        assert ANSWER_MARK not in tokenizer.decode(ids.tolist())
        completion = encoded.labels(row, "completion")
        last = encoded.prompt_lengths[row]
        assert (labels[last:] == completion[last:]).all()
        assert (labels == IGNORE_INDEX).sum() < (completion == IGNORE_INDEX).sum() or not answers


def test_a_cell_that_holds_the_mark_is_refused(tokenizer: Any) -> None:
    part = make_part([f"w{number}" for number in range(5)] + [f"a{ANSWER_MARK}b"])
    store = RowStore([part], load_format("arrow"), tokenizer, shots=2, loss_on="answers")
    store.demonstrations.draw_from(np.arange(5))
    with pytest.raises(
        ValueError, match=r"Expected no cell to hold the character U\+E002.*--data\.loss_on completion"
    ):
        store.encode(np.array([5]))
