from __future__ import annotations

import os
from pathlib import Path

import pytest

from cli.asking.find import default_folder, describe
from lightning_modules.decoder.bases import FLAGSHIP
from tests.helpers.parts import write_parts


def test_shipped_model_is_asked_where_no_run_has_ended(tmp_path: Path) -> None:
    assert default_folder(tmp_path) == FLAGSHIP
    (tmp_path / "unfinished").mkdir()
    assert default_folder(tmp_path) == FLAGSHIP


def test_run_that_ended_last_is_asked(tmp_path: Path) -> None:
    for number, name in enumerate(("late", "early")):
        (tmp_path / name / "hf").mkdir(parents=True)
        file = tmp_path / name / "hf" / "config.json"
        file.touch()
        os.utime(file, (1000 - number, 1000 - number))
    assert default_folder(tmp_path) == tmp_path / "late"


def test_tasks_and_format_of_the_shipped_model_are_its_own() -> None:
    found = describe(FLAGSHIP)
    assert [task.name for task in found.tasks] == ["smiles_to_iupac", "iupac_to_smiles"]
    assert found.asking.form == found.form


def test_task_and_format_may_be_named() -> None:
    found = describe(FLAGSHIP, "smiles_to_selfies", "arrow")
    assert ([task.name for task in found.tasks], found.form.name) == (["smiles_to_selfies"], "arrow")


def test_folder_without_weights_is_told(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="Expected --model to be a run's folder with hf/"):
        describe(tmp_path)


def test_folder_that_does_not_know_its_task_asks_for_it(tmp_path: Path) -> None:
    (tmp_path / "config.json").touch()
    with pytest.raises(ValueError, match=r"its task and format are unknown\. Set --task and --format"):
        describe(tmp_path)


def test_parts_of_a_folder_bring_their_tasks_and_weights(tmp_path: Path) -> None:
    pair = write_parts(tmp_path)
    found = describe(pair)
    assert [task.name for task in found.tasks] == ["smiles_to_iupac", "iupac_to_smiles"]
    assert (found.weights, found.weights_of) == (pair, {"iupac_to_smiles": pair / "draws"})
    assert describe(pair / "draws").weights_of == {}
    assert describe(pair, "smiles_to_selfies", "arrow").weights_of == {}


def test_part_in_another_format_is_refused(tmp_path: Path) -> None:
    pair = write_parts(tmp_path, form="other")
    with pytest.raises(
        ValueError, match=r"draws: expected the format \w+ of .*pair, but its format is other: export both"
    ):
        describe(pair)
