from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from datamodules.formats import load_format
from datamodules.rows.task_rows import TaskRows
from datamodules.storage.text_columns import TextColumn, TextLists
from datamodules.tasks import Side, Task
from datamodules.texts.augmentation import BASE, mix
from datamodules.texts.rendering import RowStore

TASK = Task("t", Side("a", label="A"), Side("b", label="B"), instructions=("first", "second", "third"))


def make_rows(count: int = 50, task: Task = TASK, alternatives: bool = False) -> TaskRows:
    return TaskRows(
        task=task,
        inputs=TextColumn.of([f"in{n}" for n in range(count)]),
        outputs=TextColumn.of([f"out{n}" for n in range(count)]),
        alternatives=TextLists.of([[f"other{n}", f"more{n}"] if alternatives else [] for n in range(count)]),
        identities=TextColumn.of([f"id{n // 2}" for n in range(count)]),
        originals=TextColumn.of([f"in{n}" for n in range(count)]),
        lines=np.arange(count) + 1,
        table_rows=np.arange(count),
        file="x.csv",
        set_aside=[],
    )


def make_store(tokenizer: Any, rows: TaskRows | None = None, **options: Any) -> RowStore:
    return RowStore([rows or make_rows()], load_format("plain"), tokenizer, **options)


def prompts(store: RowStore, rows: np.ndarray, epoch: int = BASE) -> list[str]:
    return list(store.texts(rows, epoch)[0])


def test_random_numbers_depend_on_seed_epoch_and_row_alone() -> None:
    rows = np.arange(1000)
    assert (mix(1, 2, rows) == mix(1, 2, rows)).all()
    assert (mix(1, 2, rows)[500:] == mix(1, 2, rows[500:])).all()
    for other in (mix(2, 2, rows), mix(1, 3, rows), mix(1, 2, rows + 1000)):
        assert (mix(1, 2, rows) != other).all()
    for shift in (0, 16, 32):
        counts = np.bincount((mix(0, 0, np.arange(30000)) >> np.uint64(shift)) % np.uint64(3))
        assert counts == pytest.approx([10000] * 3, rel=0.05)


def test_phrasings_vary_in_training_and_never_in_evaluation(tokenizer: Any) -> None:
    store = make_store(tokenizer)
    rows = np.arange(50)
    first, second = prompts(store, rows, 0), prompts(store, rows, 1)
    assert {text.split("\n")[0] for text in first} == {"first", "second", "third"}
    assert first != second
    assert first == prompts(store, rows, 0)
    # What a row gets does not depend on the rows beside it.
    assert prompts(store, rows[::-1], 0)[::-1] == first
    assert {text.split("\n")[0] for text in prompts(store, rows)} == {"first"}
    assert store.varies()


def test_phrasings_first_uses_one_phrasing_in_training(tokenizer: Any) -> None:
    store = make_store(tokenizer, phrasings="first")
    assert prompts(store, np.arange(9), 3) == prompts(store, np.arange(9))
    assert not store.varies()


def test_evaluations_phrasing_can_be_kept_out_of_training(tokenizer: Any) -> None:
    store = make_store(tokenizer, phrasings="others")
    rows = np.arange(50)
    assert {text.split("\n")[0] for text in prompts(store, rows, 0)} == {"second", "third"}
    assert {text.split("\n")[0] for text in prompts(store, rows)} == {"first"}
    assert store.varies()
    with pytest.raises(ValueError, match=r"--data.phrasings others needs.*format shows none"):
        RowStore([make_rows()], load_format("arrow"), tokenizer, phrasings="others")
    single = make_rows(task=replace(TASK, instructions=("only",)))
    with pytest.raises(ValueError, match="but the task 't' has one"):
        RowStore([single], load_format("plain"), tokenizer, phrasings="others")


def test_format_without_instruction_does_not_vary(tokenizer: Any) -> None:
    assert not RowStore([make_rows()], load_format("arrow"), tokenizer).varies()


def test_alternatives_are_drawn_in_training_only(tokenizer: Any) -> None:
    store = make_store(tokenizer, make_rows(alternatives=True), phrasings="first")
    seen = {store.query(7, epoch, int(mix(0, epoch, np.array([7]))[0])).input for epoch in range(30)}
    assert seen == {"in7", "other7", "more7"}
    assert store.query(7).input == "in7"
    assert store.varies()


def test_randomised_smiles_are_the_same_molecule(tokenizer: Any) -> None:
    task = replace(TASK, input=Side("a", notation="smiles", randomize=True))
    rows = replace(make_rows(1, task), inputs=TextColumn.of(["CC(=O)Oc1ccccc1C(=O)O"]))
    store = make_store(tokenizer, rows)
    inputs = {store.query(0, epoch, int(mix(0, epoch, np.array([0]))[0])).input for epoch in range(10)}
    assert len(inputs) > 5
    from rdkit import Chem

    assert {Chem.CanonSmiles(text) for text in inputs} == {"CC(=O)Oc1ccccc1C(=O)O"}


def test_the_asked_text_is_the_one_in_the_prompt_of_an_evaluation(tokenizer: Any) -> None:
    smiles = "CC(=O)Oc1ccccc1C(=O)O"
    for randomize in (True, False):
        task = replace(TASK, input=Side("a", notation="smiles", randomize=randomize))
        rows = replace(make_rows(6, task), inputs=TextColumn.of([smiles] * 6))
        store = make_store(tokenizer, rows, seed=3)
        asked = [store.asked_text(row) for row in range(6)]
        assert all(text in prompt for text, prompt in zip(asked, prompts(store, np.arange(6)), strict=True))
        assert (len(set(asked)) > 1) == randomize


def test_demonstrations_come_from_training_and_from_other_identities(tokenizer: Any) -> None:
    store = make_store(tokenizer, shots=3)
    training = np.arange(0, 30)
    store.demonstrations.draw_from(training)
    for row in range(50):
        (prompt,) = prompts(store, np.array([row]))
        shown = [int(part.split("\n")[0]) for part in prompt.split("out")[1:]]
        assert len(shown) == 3
        assert len({number // 2 for number in shown}) == 3
        assert set(shown) <= set(training)
        assert row // 2 not in {number // 2 for number in shown}
        assert f"out{row}\n" not in prompt


def test_too_few_rows_for_demonstrations_are_an_error(tokenizer: Any) -> None:
    with pytest.raises(
        ValueError, match=r"--data.shots 3 needs more than 3 training rows of the task 't', but it has 2"
    ):
        make_store(tokenizer, shots=3).demonstrations.draw_from(np.arange(2))


def test_variant_that_is_too_long_gives_way_to_the_plain_text(tokenizer: Any) -> None:
    task = replace(TASK, instructions=("a", "a very long phrasing " * 10))
    store = make_store(tokenizer, make_rows(task=task))
    rows = np.arange(50)
    longest = int(store.encode(rows).lengths.max())
    assert store.encode(rows, 0).lengths.max() > longest
    assert store.encode(rows, 0, max_length=longest).lengths.max() == longest


def test_rows_of_several_parts_are_numbered_consecutively(tokenizer: Any) -> None:
    store = RowStore([make_rows(3), make_rows(4)], load_format("plain"), tokenizer)
    assert len(store) == 7
    assert [store.locate(row)[1] for row in range(7)] == [0, 1, 2, 0, 1, 2, 3]
