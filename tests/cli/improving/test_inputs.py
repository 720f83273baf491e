from __future__ import annotations

from pathlib import Path

import pytest

from cli.improving.grounds import read_grounds
from cli.improving.inputs import Questions, ask_table, ask_training_rows, check_columns, choose_questions
from datamodules.rows.read_and_split import SplitSettings
from datamodules.sources.lookup import load_source
from datamodules.sources.rows import Rows
from datamodules.splits import TRAIN, split_by_hash
from datamodules.storage.text_columns import TextColumn
from datamodules.tasks import Side, Task
from datamodules.tokens.control_tokens import ControlTokens
from datamodules.workers.worker_pool import WorkerPool
from tests.helpers.improving import make_job, write_run
from tests.helpers.known_rows import make_known
from tests.helpers.runs import PAIRS

NAMING = Task("t", Side("smiles", "smiles"), Side("name", "iupac"))


def read(path: Path, text: str) -> Rows:
    path.write_text(text)
    return load_source(str(path))


def test_held_out_repeated_and_trained_inputs_are_left_out_and_counted(tmp_path: Path) -> None:
    known = make_known(tmp_path, SplitSettings(split_column="side"))
    # methane is asked in training, ethane is a test molecule, a ring is open
    rows = read(tmp_path / "new.csv", "smiles\nC\nCC\nCCCCCCC\nC(C)CCCCC\nC1CC\nCCCCCCCCN\n")
    with WorkerPool() as pool:
        questions, left_out = ask_table(NAMING, rows, known, ControlTokens(), pool)
    assert list(questions.inputs) == ["CCCCCCC", "CCCCCCCCN"]
    assert list(questions.references) == ["", ""]
    assert all(questions.identities)
    assert left_out == {"unusable": 1, "held_out": 1, "asked_in_training": 1, "repeated": 1}


def test_answers_are_taken_where_they_are_there_and_tell_what_a_name_means(tmp_path: Path) -> None:
    known = make_known(tmp_path, SplitSettings(split_column="side"))
    reading = Task("t", Side("name", "iupac"), Side("smiles", "smiles"))
    rows = read(tmp_path / "new.csv", "name,smiles\nsome ethane,CC\nheptane,CCCCCCC\noctane,\nnonane,C1CC\n")
    with WorkerPool() as pool:
        questions, left_out = ask_table(reading, rows, known, ControlTokens(), pool)
    assert list(questions.inputs) == ["heptane", "octane", "nonane"]
    assert list(questions.references) == ["CCCCCCC", "", ""]
    assert [bool(identity) for identity in questions.identities] == [True, False, False]
    assert left_out["held_out"] == 1


def test_names_of_held_out_rows_are_not_asked_although_only_their_answers_tell_the_molecule(
    tmp_path: Path,
) -> None:
    known = make_known(tmp_path, SplitSettings(split_column="side"))
    reading = Task("t", Side("name", "text"), Side("smiles", "smiles"))
    held_out = PAIRS[1][1]
    rows = read(tmp_path / "new.csv", f"name\n{held_out}\nanother\n")
    with WorkerPool() as pool:
        questions, left_out = ask_table(reading, rows, known, ControlTokens(), pool)
    assert list(questions.inputs) == ["another"]
    assert left_out["held_out"] == 1


def test_without_a_table_the_training_rows_are_asked(tmp_path: Path) -> None:
    write_run(tmp_path)
    job = make_job(tmp_path)
    questions = ask_training_rows(read_grounds(job).prepared, job.task)
    names = [f"ball {number}" for number in range(60)]
    trained = [
        name for name, side in zip(names, split_by_hash(names, 0.2, 0.2), strict=True) if side == TRAIN
    ]
    assert list(questions.inputs) == trained
    assert set(questions.references) == {"red", "blue"}


def test_rounds_ask_all_questions_in_turn_and_then_again() -> None:
    column = TextColumn.of([f"q{number}" for number in range(7)])
    questions = Questions(column, column, column)
    rounds = [list(choose_questions(questions, number, 3, 0).inputs) for number in (1, 2, 3)]
    assert len({*rounds[0], *rounds[1]}) == 6
    assert len({*rounds[0], *rounds[1], *rounds[2]}) == 7
    assert [len(one) for one in rounds] == [3, 3, 3]
    assert list(choose_questions(questions, 1, 3, 1).inputs) != rounds[0]
    assert len(choose_questions(questions, 2, 100, 0).inputs) == 7


def test_columns_are_checked() -> None:
    assert check_columns(NAMING, ["smiles", "name"], "a.csv")
    assert not check_columns(NAMING, ["SMILES"], "a.csv")
    assert not check_columns(NAMING, ["column_1"], "a.smi")
    with pytest.raises(ValueError, match=r"Expected --data.source a\.csv to have the column 'smiles'"):
        check_columns(NAMING, ["a", "b"], "a.csv")
