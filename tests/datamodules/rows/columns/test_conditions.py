from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

from datamodules.formats import load_format
from datamodules.rows import data_report
from datamodules.rows.columns.conditions import ask_condition
from datamodules.splits import NAMES, TRAIN
from datamodules.task_data import TaskData
from datamodules.tasks import Task, load_task
from datamodules.texts.asking import Asking, load_asking
from datamodules.texts.contents import describe_training
from tests.helpers.small_tables import prepare_data, write_csv

STYLES = ("plain", "plain", "loud", "")
TASK = {
    "input": {"column": "word", "notation": "text", "label": "WORD"},
    "output": {"column": "answer", "notation": "text", "label": "ANSWER"},
    "condition": {"column": "style", "ask": "plain"},
    "instructions": ["Answer.", "Do answer."],
}
FORMAT = {"val_fraction": 0.3, "test_fraction": 0.3, "format": "styled", "max_length": 200}


def write_task(folder: Path, **changes: Any) -> str:
    path = folder / "answer.yaml"
    path.write_text(yaml.safe_dump({**TASK, **changes}))
    return str(path)


def make_table(folder: Path, columns: int = 3) -> str:
    rows = [[f"word{n}", f"answer{n}", STYLES[n % 4]][:columns] for n in range(200)]
    return write_csv(folder / "table.csv", [["word", "answer", "style"][:columns], *rows])


@pytest.fixture
def data(tokenizer: Any, tmp_path: Path) -> TaskData:
    return prepare_data(tokenizer, task=write_task(tmp_path), source=make_table(tmp_path), **FORMAT)


def style_of(text: str) -> str:
    """The style of the row whose word stands in a text."""
    number = int("".join(letter for letter in text if letter.isdigit()))
    return STYLES[number % 4] or "plain"


def prompts_of(data: TaskData, side: str) -> list[str]:
    assert data.store is not None
    return list(data.store.texts(data.sides[side].places)[0])


def test_training_shows_each_rows_own_condition_and_evaluation_asks_for_one(data: TaskData) -> None:
    for side in NAMES:
        prompts = prompts_of(data, side)
        assert prompts
        for prompt in prompts:
            word = prompt.split("\n")[0].removeprefix("WORD: ")
            assert prompt == f"WORD: {word}\n{style_of(word)} ANSWER:"
    assert {style_of(prompt.split("\n")[0]) for prompt in prompts_of(data, "train")} == {"plain", "loud"}
    assert {style_of(prompt.split("\n")[0]) for prompt in prompts_of(data, "val")} == {"plain"}


def test_rows_of_other_conditions_are_counted_and_no_row_is_trained_in_their_place(
    data: TaskData, tokenizer: Any, tmp_path: Path
) -> None:
    own = prepare_data(
        tokenizer, task=write_task(tmp_path), source=make_table(tmp_path), condition="own", **FORMAT
    )
    assert data.sides["train"].places.tolist() == own.sides["train"].places.tolist()
    assert prompts_of(data, "train") == prompts_of(own, "train")
    missing = sum(len(own.sides[side].places) - len(data.sides[side].places) for side in ("val", "test"))
    assert missing > 10
    assert data.report["other_conditions"] == {"loud": missing}
    assert own.report["other_conditions"] == {}
    assert f"Held out and not asked, being of another condition: {missing} loud (--data.condition)." in (
        data_report.describe(data.report)
    )
    assert "of another condition" not in data_report.describe(own.report)
    for side in ("val", "test"):
        kept = {prompt.split("\n")[0] for prompt in prompts_of(data, side)}
        of_all = prompts_of(own, side)
        assert kept == {prompt.split("\n")[0] for prompt in of_all if "\nplain " in prompt}
        assert any("\nloud ANSWER:" in prompt for prompt in of_all)


def test_another_condition_is_asked_for_with_a_flag(tokenizer: Any, tmp_path: Path) -> None:
    data = prepare_data(
        tokenizer, task=write_task(tmp_path), source=make_table(tmp_path), condition="loud", **FORMAT
    )
    assert all(prompt.endswith("\nloud ANSWER:") for prompt in prompts_of(data, "val"))
    path = tmp_path / "asked.csv"
    path.write_text("word,style\nx1,\nx2,plain\n")
    data.read_questions(str(path))
    assert list(data.sides["predict"].store.texts(data.sides["predict"].places)[0]) == [
        "WORD: x1\nloud ANSWER:",
        "WORD: x2\nplain ANSWER:",
    ]


def test_a_table_without_the_column_is_in_the_asked_condition(tokenizer: Any, tmp_path: Path) -> None:
    data = prepare_data(tokenizer, task=write_task(tmp_path), source=make_table(tmp_path, 2), **FORMAT)
    prompts = [prompt for side in NAMES for prompt in prompts_of(data, side)]
    assert len(prompts) == 200
    assert all(prompt.endswith("\nplain ANSWER:") for prompt in prompts)


def test_a_task_of_another_name_for_it_is_told_the_conditions_there_are(
    tokenizer: Any, tmp_path: Path
) -> None:
    options = {"task": write_task(tmp_path), "source": make_table(tmp_path), **FORMAT}
    with pytest.raises(
        ValueError,
        match=r"Expected --data.condition to be one of the column 'style' of the task 'answer', or own, but got 'lout'; "
        r"there are plain \(100 rows\), loud \(50 rows\)\. Did you mean 'loud'\?",
    ):
        prepare_data(tokenizer, condition="lout", **options)


def test_the_flag_needs_a_task_with_a_condition() -> None:
    tasks = [load_task("iupac_to_smiles")]
    assert ask_condition(tasks, None) == tasks
    with pytest.raises(
        ValueError, match=r"--data.condition x needs a task with a key `condition`.*iupac_to_smiles"
    ):
        ask_condition(tasks, "x")
    named = ask_condition([*tasks, load_task("smiles_to_iupac")], "openeye")
    assert named[0].condition is None
    assert named[1].condition is not None
    assert (named[1].condition.ask, named[1].condition.only_asked) == ("openeye", True)


def test_rows_whose_condition_holds_a_special_token_are_skipped(tokenizer: Any, tmp_path: Path) -> None:
    stop = tokenizer.eos_token
    rows = [[f"w{n}", "a", stop if n == 3 else "plain"] for n in range(20)]
    source = write_csv(tmp_path / "table.csv", [["word", "answer", "style"], *rows])
    data = prepare_data(tokenizer, task=write_task(tmp_path), source=source, **FORMAT)
    [skipped] = data.aside["fit"]
    assert (skipped.line, skipped.reason) == (5, f"style: condition holds the special token {stop!r}")


def test_rows_are_laid_out_together_as_one_by_one(
    data: TaskData, tokenizer: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = data.store
    assert store is not None
    rows = data.sides["train"].places
    together = [list(column) for epoch in (-1, 0, 1) for column in store.texts(rows, epoch)]
    monkeypatch.setattr("datamodules.texts.rendering._MOST_CONDITIONS", 1)
    assert store._has_many_conditions()
    assert [list(column) for epoch in (-1, 0, 1) for column in store.texts(rows, epoch)] == together


def test_conditions_come_back_from_the_cache(tokenizer: Any, tmp_path: Path) -> None:
    options = {
        "task": write_task(tmp_path),
        "source": make_table(tmp_path),
        "cache_dir": tmp_path / "c",
        **FORMAT,
    }
    found = []
    for _ in range(2):
        data = TaskData(tokenizer, **options)
        data.prepare_sides(("train", "val", "test"), keep_small=True)
        found.append(({side: prompts_of(data, side) for side in NAMES}, data.report["other_conditions"]))
    assert found[0] == found[1]
    assert any((tmp_path / "c").glob("rows-*"))


def test_an_exported_model_is_asked_in_the_tasks_condition(tmp_path: Path) -> None:
    task = load_task(write_task(tmp_path))
    asking = Asking((task,), load_format("styled"), conditions={task.name: ["plain", "loud"]})
    assert asking.prompt(None, asking.tasks[0], "hi") == "WORD: hi\nplain ANSWER:"
    asking.save(tmp_path)
    assert load_asking(tmp_path) == asking


def test_an_exported_model_is_asked_in_another_condition(tmp_path: Path) -> None:
    task = load_task(write_task(tmp_path))
    asking = Asking((task,), load_format("styled"), conditions={task.name: ["plain", "loud"]})
    assert asking.in_condition(task, None) == task
    assert asking.prompt(None, asking.in_condition(task, "loud"), "hi") == "WORD: hi\nloud ANSWER:"
    with pytest.raises(ValueError, match=r"trained \(plain, loud\), but got 'lout'. Did you mean 'loud'\?"):
        asking.in_condition(task, "lout")
    with pytest.raises(ValueError, match="since the model's format labels shows none"):
        Asking((task,), load_format("labels")).in_condition(task, "loud")
    plain = load_task("smiles_to_formula")
    with pytest.raises(ValueError, match="since the task 'smiles_to_formula' has none"):
        Asking((plain,), load_format("styled")).in_condition(plain, "loud")


def test_conditions_of_training_rows_are_reported(data: TaskData) -> None:
    [task] = data.tasks
    store = data.store
    assert store is not None
    assert data.prepared is not None
    [part] = data.prepared.parts
    assert part.conditions is not None
    trained = Counter(part.conditions.take(data.sides["train"].places))
    assert data.report["conditions"] == {task.name: dict(trained.most_common())}


def test_a_checkpoint_resumes_where_only_evaluation_differs(data: TaskData) -> None:
    [task] = data.tasks
    plain = Task(task.name, task.input, task.output, task.instructions)
    for form, same in (("labels", True), ("styled", False)):
        found = [
            describe_training(data.sides["train"].encoded, load_format(form), [one], {})["tasks"]
            for one in (task, *ask_condition([task], "loud"), plain)
        ]
        assert found[0] == found[1]
        assert (found[0] == found[2]) == same


def test_default_tasks_evaluate_conventional_names_only(tokenizer: Any) -> None:
    data = TaskData(tokenizer, task="smiles_to_iupac", max_length=400)
    data.prepare_sides(())
    data._read(None, keep_small=False)
    assert data.prepared is not None
    [part] = data.prepared.parts
    assert part.conditions is not None
    held_out = {style for side in ("val", "test") for style in part.conditions.take(data.sides[side].places)}
    assert held_out == {"conventional"}
    assert set(part.conditions.take(data.sides["train"].places)) == {"conventional", "openeye", "inverted"}
    shares = data.report["other_conditions"]
    asked = sum(data.report["usable"][side] for side in ("val", "test"))
    assert set(shares) == {"openeye", "inverted"}
    assert 0.08 < sum(shares.values()) / (asked + sum(shares.values())) < 0.12
    assert (data.prepared.sides == TRAIN).sum() == data.report["usable"]["train"]
