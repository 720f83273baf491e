from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from datamodules.flag_tasks import task_from_columns
from datamodules.formats import load_format
from datamodules.sequence_task import SequenceTaskDataModule
from datamodules.tasks import load_task
from datamodules.texts.asking import FILE, Asking, check_distinct, load_asking
from tests.helpers.tiny import make_tokenizer

CHAT = "{% for m in messages %}[{{ m['role'] }}] {{ m['content'] }}\n{% endfor %}{% if add_generation_prompt %}[a]{% endif %}"
BOTH = (load_task("smiles_to_iupac"), load_task("iupac_to_smiles"))


@pytest.mark.parametrize("form", ["labels", "tags", "alpaca", "chat_template"])
@pytest.mark.parametrize(
    "tasks", [BOTH, (task_from_columns("größe", 'a "b"', "text", "number"),)], ids=["two", "own"]
)
def test_a_folder_tells_how_its_model_is_asked(tmp_path: Path, form: str, tasks: tuple) -> None:
    asking = Asking(tasks, load_format(form), shots=2)
    asking.save(tmp_path, stop=["</s>"], max_new_tokens=9)
    assert load_asking(tmp_path) == asking
    assert json.loads((tmp_path / FILE).read_text())["stop"] == ["</s>"]
    assert load_asking(tmp_path / "nowhere") is None


@pytest.mark.parametrize("form", ["labels", "question_answer", "chat_template"])
def test_questions_are_those_of_an_evaluation(tmp_path: Path, form: str) -> None:
    table = tmp_path / "words.csv"
    table.write_text("word,reversed\n" + "".join(f"w{n},{n}w\n" for n in range(40)))
    tokenizer = make_tokenizer()
    tokenizer.chat_template = CHAT
    data = SequenceTaskDataModule(
        tokenizer, source=str(table), input_column="word", output_column="reversed", format=form, val_fraction=0.3,
        cache=False, max_length=120,
    )  # fmt: skip
    data.setup("validate")
    rows = range(data.num_rows("val"))
    assert len(rows) > 3
    encoded = data.asking.encode(tokenizer, data.tasks[0], [data.row("val", row).input for row in rows])
    for row in rows:
        assert encoded.prompt(row).tolist() == data.data.sides["val"].encoded.prompt(row).tolist()


@pytest.mark.parametrize(
    "content",
    ["no json", "[]", "{}", '{"version": 2, "tasks": [], "format": {}, "shots": 0}', '{"version": 1, "tasks": [{"name": "x"}]}',
     '{"version": 1, "tasks": [], "shots": 0, "format": {"name": "x", "prompt": "{{ input }}{{ bad", "completion": ""}}'],
)  # fmt: skip
def test_a_broken_file_is_named_with_what_to_do(tmp_path: Path, content: str) -> None:
    (tmp_path / FILE).write_text(content)
    with pytest.raises(ValueError, match=rf"{FILE}: .*Export the run again"):
        load_asking(tmp_path)


def test_tasks_that_no_model_could_tell_apart_are_refused_unless_one_only_trains() -> None:
    real, made = load_task("iupac_to_smiles"), load_task("made_to_smiles")
    form = load_format("arrow")
    check_distinct([real, made], form)
    with pytest.raises(ValueError, match=r"no model could tell them apart: use --data\.format labels"):
        check_distinct([real, replace(made, only_trains=False)], form)


def test_a_trained_model_is_not_asked_what_only_trains(tmp_path: Path) -> None:
    table = tmp_path / "names.csv"
    table.write_text("inchikey,smiles,iupac\n" + "".join(f"K{n},{'C' * n},name {n}\n" for n in range(1, 40)))
    data = SequenceTaskDataModule(
        make_tokenizer(), task="iupac_to_smiles:1,made_to_smiles:1", source=str(table), format="labels", val_fraction=0.3,
        cache=False, max_length=120,
    )  # fmt: skip
    data.setup("fit")
    assert [task.name for task in data.asking.tasks] == ["iupac_to_smiles"]
    tasks = [data.row("val", row).task for row in range(data.num_rows("val"))]
    assert set(tasks) == {"iupac_to_smiles"}
    assert data.report["rows"]["train"] > 40  # both tasks train


def test_an_answer_to_a_gap_is_the_whole_text() -> None:
    fill, repair = load_task("fill_smiles"), load_task("repair_smiles")
    asking = Asking((fill, repair), load_format("tags"))
    assert asking.prompt(None, fill, "c1ccccc1?O").endswith(" <SMILES> c1ccccc1?O </SMILES> <MISSING>")
    assert asking.read(fill, "c1ccccc1?O", " C </MISSING>") == "c1ccccc1CO"
    assert asking.read(fill, "?O", "") == "O"
    assert asking.read(repair, "CO?", " CO </SMILES>") == "CO"
    assert asking.read(BOTH[0], "CCO", " ethanol </IUPAC>") == "ethanol"


def test_a_gap_tells_tasks_apart_and_an_error_does_not() -> None:
    naming, fill, repair = BOTH[0], load_task("fill_smiles"), load_task("repair_smiles")
    check_distinct([naming, fill], load_format("arrow"))
    check_distinct([naming, fill, repair], load_format("labels"))
    with pytest.raises(ValueError, match="'smiles_to_iupac' and 'repair_smiles' in the same words"):
        check_distinct([naming, repair], load_format("arrow"))


def test_a_folder_keeps_what_is_masked(tmp_path: Path) -> None:
    asking = Asking((load_task("fill_smiles"),), load_format("labels"))
    asking.save(tmp_path)
    assert load_asking(tmp_path) == asking
