from __future__ import annotations

from pathlib import Path

import pytest

from configs.lookup import list_configs
from datamodules.tasks import Side, find_reverse, load_task

REQUIRED = {
    "smiles_to_iupac", "iupac_to_smiles", "smiles_to_formula", "random_smiles_to_canonical",
    "smiles_to_selfies", "name_to_name", "word_to_phonemes", "dna_to_protein", "string_rules", "fill_smiles", "fill_name",
    "repair_smiles",
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


def test_a_task_that_only_trains_says_so(tmp_path: Path) -> None:
    path = tmp_path / "made.yaml"
    path.write_text("input: {column: a}\noutput: {column: b}\nonly_trains: true\n")
    assert load_task(str(path)).only_trains is True
    path.write_text("input: {column: a}\noutput: {column: b}\n")
    assert load_task(str(path)).only_trains is False
    for bad in ("maybe", "[true]", "1"):
        path.write_text(f"input: {{column: a}}\noutput: {{column: b}}\nonly_trains: {bad}\n")
        with pytest.raises(ValueError, match="expected `only_trains` to be true or false, but got"):
            load_task(str(path))


MASKED = "input: {column: a, notation: smiles, mask: spans}\noutput: {column: a, notation: smiles, label: MISSING}\n"


def test_a_masked_side_is_shown_in_no_notation(tmp_path: Path) -> None:
    path = tmp_path / "fill.yaml"
    path.write_text(MASKED)
    task = load_task(str(path))
    assert (task.input.mask, task.input.notation, task.input.shown_notation) == ("spans", "smiles", "text")
    assert (task.output.mask, task.output.shown_notation) == ("", "smiles")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            ("mask: spans", "mask: span"),
            r"fill.yaml: input: expected `mask` to be spans or damage, but got 'span'",
        ),
        (("mask: spans", "mask: true"), r"input: expected `mask` to be spans or damage, but got 'true'"),
        (
            ("notation: smiles", "notation: text"),
            r"input: `mask: spans` cuts texts .*'text' has none: use one of iupac, selfies",
        ),
        (
            ("output: {column: a", "output: {column: b"),
            r"expected the output's `column` to be the input's, 'a', but got 'b'",
        ),
        (
            ("smiles, label", "selfies, label"),
            r"expected the output's `notation` to be the input's, 'smiles', but got 'selfies'",
        ),
        (("label: MISSING", "mask: spans"), r"fill.yaml: output: `mask` belongs to the input"),
        (("MISSING}", "MISSING}\nchoices: [C, N]"), r"fill.yaml: a task with `mask` cannot have choices"),
    ],
)
def test_masks_that_cannot_work_are_refused(tmp_path: Path, change: tuple[str, str], message: str) -> None:
    path = tmp_path / "fill.yaml"
    path.write_text(MASKED.replace(*change))
    with pytest.raises(ValueError, match=message):
        load_task(str(path))


def test_a_masked_task_is_no_tasks_reverse() -> None:
    fill, canonical = load_task("fill_smiles"), load_task("random_smiles_to_canonical")
    assert find_reverse(fill, [fill, canonical]) is None
    assert find_reverse(canonical, [fill]) is None
    assert find_reverse(canonical, [fill, canonical]) == canonical
