"""A mistake of the user ends in one line that says what to do, before anything is written."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.helpers.runs import own_table

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--data.format", "alpacca"], "error: No format is called 'alpacca'"),
        (
            ["--data.input_column", "smile"],
            "error: --data.input_column 'smile' is not a column of .*mols.csv",
        ),
        (["--model.base", "opt125m"], "error: No base is called 'opt125m'"),
        (["--data.source", "none.csv"], "error: .*none.csv"),
        (["--ckpt_path", "nope.ckpt"], "error: --ckpt_path 'nope.ckpt' is not a file"),
        (["--name", "../x"], "error: Expected --name to be letters"),
        (
            ["--trainer.default_root_dir", "x"],
            "error: --trainer.default_root_dir: runs are written to runs/NAME",
        ),
        (["--data.max_length", "4"], "error: Expected at least one training row"),
    ],
)
def test_users_mistake_is_one_line(
    run_in: Callable[..., Path], tmp_path: Path, args: list[str], message: str
) -> None:
    with pytest.raises(SystemExit, match=message):
        run_in("fit", "--name", "wrong", *own_table(tmp_path), *args)


def test_users_mistake_leaves_no_run_folder(run_in: Callable[..., Path], tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="is not a column"):
        run_in("fit", *own_table(tmp_path), "--data.input_column", "smile")
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (
            ["fit", "--data.fromat", "arrow"],
            r"No flag is called --data\.fromat\. Did you mean --data\.format\?",
        ),
        (
            ["fit", "--model.bas", "builtin"],
            r"No flag is called --model\.bas\. Did you mean --model\.base\?",
        ),  # not completed
        (["fit", "--data.loss_on", "nothing"], "Expected --data.loss_on to be completion, answers or all"),
        (["fti"], r"No subcommand is called 'fti' .* Did you mean 'fit'\?"),
    ],
)
def test_wrong_flag_is_one_error_that_points_to_the_help(
    run_in: Callable[..., Path], capsys: pytest.CaptureFixture[str], args: list[str], message: str
) -> None:
    with pytest.raises(SystemExit):
        run_in(*args)
    printed = capsys.readouterr().err
    assert re.search(message, printed)
    assert "--help`" in printed
    assert len(printed.splitlines()) <= 4


def test_test_without_rows_says_why(run_in: Callable[..., Path], tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"error: Expected at least one test row.*--data\.test_fraction"):
        run_in("test", *own_table(tmp_path), "--data.test_fraction", "0")
