from __future__ import annotations

from pathlib import Path

import pytest

from cli.improving.job import find_values, fit_settings, open_folder
from datamodules.formats import load_format
from datamodules.tasks import load_task
from tests.helpers.improving import make_job, write_run


def test_the_folder_remembers_its_flags_and_refuses_others_but_for_more_rounds(tmp_path: Path) -> None:
    write_run(tmp_path)
    job = make_job(tmp_path)
    open_folder(job)
    assert load_task(str(job.folder / "tasks/question_to_answer.yaml")) == job.task
    assert load_format(str(job.folder / "arrow.yaml")) == job.origin.form
    open_folder(make_job(tmp_path, rounds=5))
    with pytest.raises(
        ValueError, match=r"but its temperature is 1.0 and not 0.7: give another --name, or the flags"
    ):
        open_folder(make_job(tmp_path, temperature=0.7))


def test_rounds_begin_with_the_weights_of_the_round_before_and_have_seeds_of_their_own(
    tmp_path: Path,
) -> None:
    write_run(tmp_path)
    job = make_job(tmp_path, seed=3)
    first, second = (fit_settings(job, number, {"a": 1.0}, 32, 1) for number in (1, 2))
    assert first["model"]["base"] == str(tmp_path / "runs/x/hf")
    assert second["model"]["base"] == str(tmp_path / "runs/better-1/hf")
    assert (first["seed_everything"], second["seed_everything"]) == (3001, 3002)
    assert first["trainer"]["max_steps"] == 4
    assert first["data"]["task"] == {"a": 1.0}


def test_values_are_those_of_the_run_and_flags_win(tmp_path: Path) -> None:
    write_run(tmp_path)
    values = find_values(make_job(tmp_path, flags=("--data.batch_size", "5")))
    assert (values["data.batch_size"], values["data.val_fraction"]) == (5, 0.2)
