"""What the command line prints without training: show, --help, --print_config."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.helpers.processor_time import processor_seconds
from tests.helpers.runs import command, own_table

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


def test_show_prints_what_the_model_sees(
    run_in: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run_in("show", *own_table(tmp_path), "--data.format", "question_answer", "--rows", "2")
    text = capsys.readouterr().out
    assert text.count("-- smiles_to_name, question_answer:") == 2
    assert text.count("</s>\u27e7") == 2
    assert text.count("\u27e6") == 2 + 2  # each row marks its answer once, and its heading tells how
    assert not (tmp_path / "runs").exists()


def test_show_tells_rows_that_cannot_be_used(
    run_in: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine.csv").write_text("smiles,name\nCCO,ethanol\nCC,ethane\nC1CC,broken\n")
    columns = [
        "--data.input_column",
        "smiles",
        "--data.output_column",
        "name",
        "--data.output_notation",
        "text",
    ]
    run_in("show", "--data.source", "mine.csv", *columns)
    assert (
        "Rows that cannot be used: 1; the first one: mine.csv, line 4: smiles: unclosed ring."
        in capsys.readouterr().err
    )


@pytest.mark.parametrize("args", [["--help"], ["fit", "--help"], ["predict", "-h"]])
def test_help_is_shown_without_loading_pytorch(tmp_path: Path, args: list[str]) -> None:
    begun = processor_seconds()
    result = command(args, tmp_path)
    assert result.stdout.startswith("usage: python train.py")
    assert processor_seconds() - begun < 3


def test_limit_of_one_batch_is_one_batch(tmp_path: Path) -> None:
    """In a process of its own: whether 1 is read as 1.0, all batches, depends on what was imported first (conftest.py).

    `typing` keeps one order of int and float for all: rich before Lightning would make it 1.0.
    """
    done = command(["fit", "--print_config", "--trainer.limit_train_batches", "1"], tmp_path)
    assert "\n  limit_train_batches: 1\n" in done.stdout, done.stderr
    assert done.stderr == ""
