from __future__ import annotations

from pathlib import Path

import pytest

from configs.lookup import list_configs
from datamodules.tasks import (
    Side,
    choose_tasks,
    load_task,
    parse_weights,
    task_for_columns,
    task_from_columns,
)

REQUIRED = {
    "smiles_to_iupac", "iupac_to_smiles", "smiles_to_formula", "random_smiles_to_canonical",
    "smiles_to_selfies", "name_to_name", "word_to_phonemes", "dna_to_protein", "string_rules",
}  # fmt: skip


def test_documented_tasks_ship() -> None:
    assert set(list_configs("tasks")) >= REQUIRED


@pytest.mark.parametrize("name", list_configs("tasks"))
def test_every_shipped_task_loads(name: str) -> None:
    task = load_task(name)
    assert task.name == name
    assert task.source
    assert task.description
    if name.startswith("read_"):  # read as they stand, so nobody asks
        assert task.instructions == ("",)
        return
    assert len(task.instructions) >= 2
    assert len(set(task.instructions)) == len(task.instructions)


def test_own_task_is_a_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("input: {column: a}\noutput: {column: b, notation: number}\n")
    task = load_task(str(path))
    assert task.name == "mine"
    assert task.input == Side("a")
    assert task.output.notation == "number"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("input: {column: a}\n", "a task needs the key 'output'"),
        ("input: {colum: a}\noutput: {column: b}\n", "unknown key 'colum'.*Did you mean 'column'"),
        ("input: a\noutput: {column: b}\n", "expected a mapping with the keys column, notation"),
        (
            "input: {column: a}\noutput: {column: b}\ninstruction: x\n",
            "unknown key 'instruction'.*Did you mean 'instructions'",
        ),
        (
            "input: {column: a}\noutput: {column: b}\ninstructions: x\n",
            "expected `instructions` to be a list",
        ),
        ("input: {column: a}\noutput: {column: b, notation: smile}\n", "smile"),
        ("input: {notation: text}\noutput: {column: b}\n", "column"),
        ("- a\n", "expected a mapping"),
        ("a: [\n", "expected a YAML file"),
    ],
)
def test_wrong_task_file_says_what_is_wrong(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "wrong.yaml"
    path.write_text(text)
    with pytest.raises(ValueError, match=message):
        load_task(str(path))


def test_unknown_task_lists_the_known_ones() -> None:
    with pytest.raises(
        ValueError, match=r"No task is called 'smiles_to_iupak'.*Did you mean 'smiles_to_iupac'"
    ):
        load_task("smiles_to_iupak")


@pytest.mark.parametrize(
    ("given", "weights"),
    [
        ("a", {"a": None}),
        ("a,b", {"a": None, "b": None}),
        ("a:2, b:0.5", {"a": 2.0, "b": 0.5}),
        (["a", "b:3"], {"a": None, "b": 3.0}),
        ({"a": 1, "b": 2}, {"a": 1.0, "b": 2.0}),
        (["a,b"], {"a": None, "b": None}),
        ("a:2,c:0", {"a": 2.0, "c": 0.0}),
        ("a,c:0", {"a": None, "c": 0.0}),
    ],
)
def test_task_flag_reads_names_and_weights(given: object, weights: dict[str, float | None]) -> None:
    assert parse_weights(given) == weights  # type: ignore[arg-type]


@pytest.mark.parametrize("given", ["a:0", "a:0,b:0", "a:-1", "a:x", "a:inf", "a:nan", "", ":2", "a,,b"])
def test_task_flag_refuses_wrong_weights(given: str) -> None:
    with pytest.raises(ValueError, match=r"Expected --data.task"):
        parse_weights(given)


@pytest.mark.parametrize("name", ["a,b.yaml", "mine: 1.yaml", "a:2,b.yaml", "a,b:1,c.yml", "sub,x/task"])
def test_path_of_a_task_may_hold_commas_and_colons(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / name
    file.parent.mkdir(exist_ok=True)
    file.write_text("input: {column: word}\noutput: {column: back}\n")
    for path in (str(file), f"./{name}"):
        assert parse_weights(path) == {path: None}
        assert parse_weights(f"{path}:3") == {path: 3.0}
        assert parse_weights(f"smiles_to_iupac:2, {path},read_words:1") == {
            "smiles_to_iupac": 2.0, path: None, "read_words": 1.0,
        }  # fmt: skip
        assert parse_weights([path, "read_words"]) == {path: None, "read_words": None}
    tasks, _ = choose_tasks(str(file))
    assert tasks[0].input.column == "word"


def test_task_is_made_of_two_columns() -> None:
    tasks, weights = choose_tasks(None, "my_smiles", "boiling_point", None, "number")
    assert weights is None
    assert tasks == [task_from_columns("my_smiles", "boiling_point", "smiles", "number")]
    assert tasks[0].input.notation == "smiles"
    assert "boiling_point" in tasks[0].instructions[0]


def test_default_task_is_to_name_small_molecules() -> None:
    tasks, _ = choose_tasks(None)
    assert [task.name for task in tasks] == ["name_small_molecules"]


def test_column_flags_take_the_place_of_the_tasks_columns() -> None:
    (task,), _ = choose_tasks("smiles_to_iupac", input_column="structure")
    assert task.input.column == "structure"
    assert task.input.notation == "smiles"
    # The identity stood in a column of the built-in table, which another table need not have.
    assert task.identity is None


def test_column_flags_with_several_tasks_are_an_error() -> None:
    with pytest.raises(ValueError, match="can be changed for one task, but 2 are given"):
        choose_tasks("smiles_to_iupac,iupac_to_smiles", input_column="x")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "input: {column: [smiles]}\noutput: {column: b}",
            r"own.yaml: input: expected 'column' to be text, but got \['sm",
        ),
        (
            "input: {column: a, randomize: 3}\noutput: {column: b}",
            "expected 'randomize' to be true or false, but got 3",
        ),
        (
            "input: {column: a}\noutput: {column: b}\ninstructions: [null]",
            r"list of phrasings, but got \[None\]",
        ),
        ("input: {column: a, notation: smile}\noutput: {column: b}", "own.yaml: input: .*smile"),
    ],
)
def test_task_value_of_the_wrong_kind_is_an_error_with_its_place(tmp_path, text: str, message: str) -> None:
    path = tmp_path / "own.yaml"
    path.write_text(text)
    with pytest.raises(ValueError, match=message):
        load_task(str(path))


@pytest.mark.parametrize("name", ["2024", "1e-4", "no", "12:30", "2026-01-01", "'null'"])
def test_texts_of_a_task_are_taken_as_they_are_written(tmp_path: Path, name: str) -> None:
    path = tmp_path / "own.yaml"
    path.write_text(
        f"name: {name}\ninput: {{column: {name}, label: {name}, randomize: yes}}\noutput: {{column: b}}\n"
        f"instructions: [{name}]\nidentity: {{column: {name}}}\n"
    )
    task, text = load_task(str(path)), name.strip("'")
    assert (task.name, task.input.column, task.input.label, task.instructions) == (text, text, text, (text,))
    assert type(task.input.column) is type(task.name) is type(task.instructions[0]) is str
    assert (task.input.randomize, task.identity and task.identity.column) == (True, text)


def test_task_to_predict_is_the_one_whose_input_column_the_table_has() -> None:
    both = [load_task(name) for name in ("smiles_to_iupac", "iupac_to_smiles")]
    assert task_for_columns(both, ["id", "iupac"]).name == "iupac_to_smiles"
    assert task_for_columns(both, ["smiles"]).name == "smiles_to_iupac"
    assert task_for_columns(both, ["ID", "SMILES"]).name == "smiles_to_iupac"
    assert task_for_columns(both[:1], ["id"]).name == "smiles_to_iupac", (
        "the only one, which then tells what is missing"
    )


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (
            ["smiles", "iupac"],
            r"the input columns of several; .* smiles_to_iupac \(column 'smiles'\), iupac_to_smiles",
        ),
        (["mol"], r"the columns 'mol'; choose with --data.task, .*--data.input_column mol"),
    ],
)
def test_table_that_fits_no_or_several_tasks_is_an_error(columns: list[str], message: str) -> None:
    both = [load_task(name) for name in ("smiles_to_iupac", "iupac_to_smiles")]
    with pytest.raises(ValueError, match=message):
        task_for_columns(both, columns)


def test_source_of_a_task_lies_here_or_beside_its_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sub").mkdir()
    file = tmp_path / "sub" / "task.yaml"
    for source, found in (
        ("beside.csv", str(tmp_path / "sub" / "beside.csv")),
        ("here.csv", "here.csv"),
        ("pubchem", "pubchem"),
        ("missing.csv", "missing.csv"),
    ):
        file.write_text(f"source: {source}\ninput: {{column: a}}\noutput: {{column: b}}\n")
        (tmp_path / "here.csv").touch()
        (tmp_path / "sub" / "beside.csv").touch()
        assert load_task(str(file)).source == found
