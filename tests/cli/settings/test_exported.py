from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from cli.checks.checkpoint_path import find_checkpoint
from cli.settings.exported import spell_tasks, take_export
from datamodules.flag_tasks import choose_tasks, task_from_columns
from datamodules.formats import load_format
from datamodules.tasks import Task, load_task
from datamodules.texts.asking import Asking


def export(folder: Path, *tasks: Task, shots: int = 0) -> Path:
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    Asking(tasks, load_format("labels"), shots).save(folder)
    return folder


def test_an_exported_folder_in_its_run_means_the_best_checkpoint(tmp_path: Path) -> None:
    folder = export(tmp_path / "run" / "hf", task_from_columns("smiles", "name"))
    best = tmp_path / "run" / "checkpoints" / "best.ckpt"
    best.parent.mkdir()
    best.touch()
    assert find_checkpoint(str(folder), fits=False) == str(best)
    words = ["predict", "--ckpt_path", str(folder)]
    assert take_export(words) == words
    with pytest.raises(ValueError, match=r"expected a run to go on with.* or --model\.base .* to start from"):
        find_checkpoint(str(folder), fits=True)


def test_an_exported_folder_alone_is_asked_as_its_file_says(tmp_path: Path) -> None:
    folder = export(tmp_path / "moved", load_task("smiles_to_iupac"), load_task("iupac_to_smiles"))
    words = take_export(["predict", f"--ckpt_path={folder}", "--data.predict_path", "new.csv"])
    assert words == [
        "predict", "--model.base", str(folder), "--data.task", "smiles_to_iupac,iupac_to_smiles", "--data.format", "labels",
        "--data.predict_path", "new.csv",
    ]  # fmt: skip


def test_what_an_exported_folder_alone_cannot_do_is_told(tmp_path: Path) -> None:
    folder = export(tmp_path / "moved", task_from_columns("smiles", "name"), shots=2)
    with pytest.raises(ValueError, match=r"expected its run, since --data\.shots 2 puts"):
        take_export(["predict", "--ckpt_path", str(folder)])
    with pytest.raises(ValueError, match=r"expected a run, whose rows test evaluates"):
        take_export(["test", "--ckpt_path", str(folder)])
    (folder / "patois.json").unlink()
    with pytest.raises(
        ValueError, match=r"it has no patois\.json: give --model\.base .* with --data\.task and"
    ):
        take_export(["predict", "--ckpt_path", str(folder)])
    mine = dataclasses.replace(load_task("smiles_to_iupac"), instructions=("Name it.",))
    other = export(tmp_path / "other", mine)
    with pytest.raises(ValueError, match=r"expected tasks that flags can name"):
        take_export(["predict", "--ckpt_path", str(other)])


@pytest.mark.parametrize(
    "flags",
    [
        {"input_column": "smiles", "output_column": "name"},
        {"input_column": "a", "output_column": "b,c", "output_notation": "b:number,c:smiles"},
        {"input_column": "a", "output_column": "b", "choices": ["no", "yes"]},
        {"input_column": "a", "output_column": "b", "output_notation": "number", "digits": 2},
    ],
)
def test_tasks_of_columns_are_spelled_as_flags(flags: dict[str, object]) -> None:
    tasks, _ = choose_tasks(None, **flags)  # type: ignore[arg-type]
    spelled = spell_tasks(tasks)
    assert spelled is not None
    assert spelled[:2] == ["--data.input_column", flags["input_column"]]
