from __future__ import annotations

from pathlib import Path

import pytest

from callbacks.reports.compare.flags import describe_difference, find_differences, read_settings
from configs.yaml_text import write_yaml


def settings(name: str, **data: object) -> dict[str, object]:
    folder = f"runs/{name}"
    callbacks = [
        {"class_path": "a.Best", "init_args": {"dirpath": f"{folder}/checkpoints", "mode": "max"}},
        {"class_path": "a.Mine", "init_args": {"file": f"{folder}/mine.txt"}},
    ]
    return {
        "name": name,
        "ckpt_path": None,
        "trainer": {"default_root_dir": folder, "callbacks": callbacks},
        "wandb": {"tags": [name]},
        "data": data,
    }


def test_names_and_paths_of_runs_do_not_differ() -> None:
    assert find_differences([settings("a", format="arrow"), settings("b", format="arrow")]) == {}


def test_differing_flags_hold_a_value_a_run() -> None:
    runs = [settings("a", format="arrow"), settings("b", format="tags"), settings("c", format="arrow", shots=1)]  # fmt: skip
    assert find_differences(runs) == {
        "data.format": ["arrow", "tags", "arrow"],
        "data.shots": ["(unset)", "(unset)", 1],
    }


def test_group_that_only_some_runs_have_is_told_by_its_flags() -> None:
    runs = [{"model": {"peft": None}}, {"model": {"peft": {"rank": 8}}}]
    assert find_differences(runs) == {"model.peft.rank": ["(unset)", 8]}


def test_file_of_another_name_in_the_runs_folder_differs() -> None:
    one, other = settings("a"), settings("b")
    other["data"] = {"source": "runs/b/b.csv"}
    one["data"] = {"source": "runs/a/a.csv"}
    assert find_differences([one, other]) == {"data.source": ["runs/a/a.csv", "runs/b/b.csv"]}


def test_many_runs_of_a_value_are_counted() -> None:
    line = describe_difference("x", ["1"] * 6 + ["2"], list("abcdefg"))
    assert line == "--x: 1 (a, b, c, d, and 2 more), 2 (g)"


@pytest.mark.parametrize("place", ["", "test", "test/predictions/test_epoch_3.csv"])
def test_settings_are_those_of_the_run_around_a_table(tmp_path: Path, place: str) -> None:
    table = tmp_path / "run" / "test" / "predictions" / "test_epoch_3.csv"
    table.parent.mkdir(parents=True)
    table.touch()
    (tmp_path / "run" / "config.yaml").write_text(write_yaml({"data": {"format": "tags"}}))
    assert read_settings(tmp_path / "run" / place) == {"data": {"format": "tags"}}
    assert read_settings(tmp_path / "elsewhere") == {}
