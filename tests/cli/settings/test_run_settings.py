from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from cli.settings.run_settings import find_missing, name_run, read_run_settings, settle_paths
from configs.yaml_text import write_yaml


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run whose table and base lie in the folder of its `runs`, and whose format does not."""
    run = tmp_path / "project" / "runs" / "mine"
    run.mkdir(parents=True)
    (tmp_path / "project" / "table.csv").touch()
    (tmp_path / "project" / "runs" / "base").mkdir()
    (tmp_path / "project" / "task.yaml").touch()
    settings = {
        "model": {"base": "runs/base"},
        "data": {"source": "table.csv", "format": "mine.yaml", "task": "task.yaml", "val_rows": 10},
    }
    (run / "config.yaml").write_text(yaml.safe_dump(settings))
    return run


def test_paths_of_a_run_are_found_from_another_folder(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (run / "elsewhere").mkdir()
    monkeypatch.chdir(run / "elsewhere")
    for folder in (run, Path("..")):
        settings = read_run_settings(folder)
        assert settings["model"]["base"] == str(run.parent / "base")
        assert settings["data"]["source"] == str(run.parent.parent / "table.csv")
        assert settings["data"]["task"] == [str(run.parent.parent / "task.yaml")]
        assert settings["data"]["format"] == "mine.yaml"  # nothing lies there
        assert settings["data"]["val_rows"] == "10"


def test_paths_of_a_run_stay_in_the_folder_of_its_runs(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(run.parent.parent)
    assert read_run_settings(Path("runs/mine"))["data"]["source"] == "table.csv"


def test_values_of_hidden_secrets_are_left_out(run: Path) -> None:
    (run / "config.yaml").write_text(
        "wandb: {tags: [(hidden)], group: (hidden)}\ntrainer: {logger: {init_args: {api_key: (hidden), name: a}}}\n"
    )
    assert read_run_settings(run) == {
        "wandb": {"tags": ["(hidden)"], "group": "(hidden)"},
        "trainer": {"logger": {"init_args": {"name": "a"}}},
    }


def test_file_that_is_no_yaml_is_named(run: Path) -> None:
    (run / "config.yaml").write_text("a: [")
    with pytest.raises(ValueError, match=r"mine/config\.yaml: expected a YAML file"):
        read_run_settings(run)


def test_error_about_a_path_of_a_run_names_its_configuration(
    run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(run)
    settings = {"model": {"base": "runs/gone"}, "data": {"source": "gone.csv", "format": "alpaca"}}
    assert find_missing(run, settings) == {"model.base": "runs/gone", "data.source": "gone.csv"}
    with (
        pytest.raises(
            ValueError,
            match=r"mine/config\.yaml: expected data\.source: gone\.csv to be found .* give --data.source",
        ),
        name_run(run, settings, []),
    ):
        raise ValueError("No source 'gone.csv': it is neither ...")


@pytest.mark.parametrize(
    ("settings", "given", "message"),
    [
        ({"data": {"source": "gone.csv"}}, ["data.source"], "No source 'gone.csv'"),
        ({"data": {"source": "gone.csv"}}, [], "something else"),
        ({"model": {"base": "owner/model"}}, [], "no network for owner/model"),
    ],
)
def test_other_errors_stay(run: Path, settings: dict, given: list[str], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}$"), name_run(run, settings, given):
        raise ValueError(message)


def test_paths_that_a_run_is_given_elsewhere_hold_when_it_is_read(
    run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere, project = run.parents[2] / "elsewhere", run.parents[1]
    elsewhere.mkdir()
    (elsewhere / "new.csv").touch()
    monkeypatch.chdir(elsewhere)
    settings = read_run_settings(run)
    settings["data"]["val_source"] = "new.csv"
    settle_paths(settings, run)
    assert settings["model"]["base"] == "runs/base"
    assert settings["data"]["source"] == "table.csv"
    assert settings["data"]["val_source"] == str(elsewhere / "new.csv")
    (run / "config.yaml").write_text(write_yaml(settings))
    monkeypatch.chdir(project)
    again = read_run_settings(run)
    assert (again["data"]["source"], again["data"]["val_source"]) == ("table.csv", str(elsewhere / "new.csv"))
    before = dict(again)
    settle_paths(again, run)
    assert again == before
