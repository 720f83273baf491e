from __future__ import annotations

from pathlib import Path

import pytest

from cli.asking.conditions import check_condition
from datamodules.formats import load_format
from datamodules.tasks import load_task
from datamodules.texts.asking import Asking

TASK = load_task("smiles_to_iupac")


@pytest.fixture
def run(tmp_path: Path) -> Path:
    (tmp_path / "hf").mkdir()
    known = {TASK.name: ["conventional", "openeye"]}
    Asking((TASK,), load_format("styled"), conditions=known).save(tmp_path / "hf")
    (tmp_path / "hf" / "config.json").write_text("{}", encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize("condition", [None, "own", "openeye"])
def test_known_conditions_are_asked(run: Path, condition: str | None) -> None:
    checkpoint = str(run / "checkpoints" / "best.ckpt")
    check_condition("predict", condition, "styled", checkpoint, "bundled")
    check_condition("test", condition, "styled", None, str(run / "hf"))


def test_a_mistyped_condition_is_refused(run: Path) -> None:
    for checkpoint, base in ((str(run / "checkpoints" / "last.ckpt"), "bundled"), (None, str(run / "hf"))):
        with pytest.raises(
            ValueError, match=r"conventional, openeye\), but got 'openeey'. Did you mean 'openeye'"
        ):
            check_condition("predict", "openeey", "styled", checkpoint, base)


def test_a_condition_that_the_format_hides_is_refused_where_it_would_change_nothing() -> None:
    check_condition("test", "openeye", "labels", None, "flagship")  # it chooses the rows
    check_condition("predict", None, "labels", None, "flagship")
    with pytest.raises(
        ValueError,
        match="the model's format labels shows none and answers would be the same, but got 'openeye'",
    ):
        check_condition("predict", "openeye", "labels", None, "flagship")


def test_a_model_without_a_record_is_asked_as_told(tmp_path: Path) -> None:
    check_condition("predict", "loud", "styled", str(tmp_path / "checkpoints" / "a.ckpt"), "bundled")
    check_condition("predict", "loud", "styled", None, "bundled")
