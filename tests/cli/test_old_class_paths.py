"""Runs and files of before the callbacks had rooms."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

from cli.old_class_paths import MOVED, RENAMED, rename_class_paths
from cli.settings.run_settings import read_run_settings
from tests.helpers.parsing import parse

OLD = """
trainer:
  callbacks:
    - class_path: callbacks.exact_match.ExactMatch
    - class_path: callbacks.best_checkpoint.BestCheckpoint
      init_args: {monitor: val/loss, mode: min}
"""
NOW = ["callbacks.metrics.exact_match.ExactMatch", "callbacks.run.best_checkpoint.BestCheckpoint"]


@pytest.mark.parametrize("new", MOVED.values())
def test_new_class_paths_are_modules(new: str) -> None:
    importlib.import_module(f"callbacks.{new}")


@pytest.mark.parametrize("old", RENAMED)
def test_a_class_with_a_new_name_is_found_by_its_old_one(old: str) -> None:
    [callback] = parse(
        ["fit", "--trainer.callbacks=[]", f"--trainer.callbacks+=callbacks.{old}"]
    ).fit.trainer.callbacks
    module, _, name = callback.class_path.rpartition(".")
    assert name == RENAMED[old]
    assert hasattr(importlib.import_module(module), name)


def test_old_class_paths_in_a_file_are_read(tmp_path: Path) -> None:
    (tmp_path / "old.yaml").write_text(OLD)
    callbacks = parse(["fit", "--config", str(tmp_path / "old.yaml")]).fit.trainer.callbacks
    assert [callback.class_path for callback in callbacks] == NOW
    assert callbacks[1].init_args.monitor == "val/loss"


def test_old_class_paths_on_the_command_line_are_read() -> None:
    callbacks = parse(["fit", "--trainer.callbacks=[]", "--trainer.callbacks+=callbacks.validity.Validity"])
    assert [one.class_path for one in callbacks.fit.trainer.callbacks] == [
        "callbacks.metrics.validity.Validity"
    ]


def test_old_class_path_of_the_same_callback_is_no_difference(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(OLD)
    settings = read_run_settings(tmp_path)
    assert [callback["class_path"] for callback in settings["trainer"]["callbacks"]] == NOW


@pytest.mark.parametrize(
    "text",
    [
        "callbacks.metrics.exact_match.ExactMatch",
        "my.callbacks.exact_match.Mine",
        "callbacks.exact_match",
        "1e-4",
    ],
)
def test_other_values_are_not_renamed(text: str) -> None:
    assert rename_class_paths(text) == text
