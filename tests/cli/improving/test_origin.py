from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from cli.improving.origin import (
    describe_form,
    describe_task,
    further_settings,
    read_origin,
    read_shares,
)
from configs.yaml_text import write_yaml
from datamodules.formats import load_format
from datamodules.tasks import Side, Task, load_task
from lightning_modules.decoder.bases import FLAGSHIP
from tests.helpers.improving import write_run


def test_a_run_brings_its_settings_its_source_and_a_fifth_of_its_rate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    origin = read_origin(write_run(tmp_path))
    assert origin.weights == tmp_path / "runs/x/hf"
    assert origin.find_task(None).source == str(tmp_path / "real.csv")
    assert origin.shares is None
    assert origin.settings["trainer"] == {"precision": "32-true"}
    assert "base" not in origin.settings["model"]
    assert origin.settings["model"]["optimizer"]["init_args"]["lr"] == pytest.approx(0.002)
    assert set(origin.settings["data"]) == {"batch_size", "val_fraction", "test_fraction"}


def test_the_shipped_model_brings_its_configuration_and_its_own_rate() -> None:
    origin = read_origin(FLAGSHIP)
    assert [task.source for task in origin.tasks] == ["pubchem", "pubchem"]
    assert int(origin.settings["data"]["max_length"]) == 160
    assert origin.settings["model"]["optimizer"]["init_args"]["lr"] == 3e-4
    with pytest.raises(
        ValueError, match=r"Expected --task to be one of smiles_to_iupac, iupac_to_smiles, .* got none"
    ):
        origin.find_task(None)
    assert origin.find_task("iupac_to_smiles").name == "iupac_to_smiles"


def test_what_cannot_be_improved_is_refused_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    run = write_run(tmp_path, split="random")
    with pytest.raises(ValueError, match=r"Expected .*x to have a split that stays when rows are added"):
        read_origin(run)
    shutil.copytree(run / "hf", tmp_path / "alone")
    with pytest.raises(
        ValueError, match="expected its tasks to name the source of their rows, but question_to_answer"
    ):
        read_origin(tmp_path / "alone")
    shutil.rmtree(run / "hf")
    (run / "checkpoints").mkdir()
    (run / "checkpoints" / "best.ckpt").touch()
    (run / "config.yaml").write_text("data: {task: word_to_phonemes, format: arrow}\n")
    with pytest.raises(ValueError, match="has only checkpoints: the end of its fit writes hf/"):
        read_origin(run)


def test_choices_are_not_drawn(tmp_path: Path) -> None:
    from dataclasses import replace

    origin = replace(read_origin(FLAGSHIP), tasks=(load_task("crosses_brain_barrier"),))
    with pytest.raises(
        ValueError, match="crosses_brain_barrier has choices, which are scored: no candidates can be drawn"
    ):
        origin.find_task(None)


def test_masked_tasks_are_not_improved() -> None:
    from dataclasses import replace

    masked = Task("gaps", Side("smiles", "smiles", mask="spans"), Side("smiles", "smiles"), source="pubchem")
    with pytest.raises(ValueError, match="but gaps masks whole texts, of which its answers are parts"):
        replace(read_origin(FLAGSHIP), tasks=(masked,)).find_task(None)


def test_shares_are_those_of_the_run_also_of_one_that_was_improved() -> None:
    tasks = (Task("a", Side("x"), Side("y")), Task("b", Side("y"), Side("x")))
    assert read_shares("a:2,b:1", tasks) == {"a": 2, "b": 1}
    assert read_shares("a,b", tasks) is None
    assert read_shares({"runs/x/tasks/a.yaml": 0.4, "runs/x/tasks/b.yaml": 0, "kept.yaml": 0.6}, tasks) == {
        "a": 0.4,
        "b": 0,
    }


def test_the_folder_of_best_weights_is_left_behind() -> None:
    best = {
        "class_path": "BestCheckpoint",
        "init_args": {"monitor": "headline", "dirpath": "runs/x/checkpoints"},
    }
    [callback] = further_settings({"trainer": {"callbacks": [best]}})["trainer"]["callbacks"]
    assert callback["init_args"] == {"monitor": "headline"}


@pytest.mark.parametrize("name", ["smiles_to_iupac", "smiles_to_melting_point", "answer_from_passage"])
def test_tasks_and_formats_read_back_equal_from_their_files(name: str, tmp_path: Path) -> None:
    task, form = load_task(name), load_format("chat_template")
    (tmp_path / f"{name}.yaml").write_text(write_yaml(describe_task(task)))
    (tmp_path / "chat_template.yaml").write_text(write_yaml(describe_form(form)))
    assert load_task(str(tmp_path / f"{name}.yaml")) == task
    assert load_format(str(tmp_path / "chat_template.yaml")) == form
