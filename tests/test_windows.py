"""Nothing on the way of fit, test and predict is POSIX-only: they run with what Windows lacks taken away, and give the same."""

from __future__ import annotations

import csv
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.helpers.runs import PROJECT, command, last_metrics, own_table

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")
WINDOWS = {
    "PYTHONPATH": os.pathsep.join([str(PROJECT / "tests" / "helpers" / "windows"), str(PROJECT)]),
    "PYTHONIOENCODING": "cp1252",
}
"""Redirected output has the country's encoding there."""


def on_windows(*words: str, folder: Path = PROJECT) -> subprocess.CompletedProcess[str]:
    """Run Python without what Windows lacks for this project's modules."""
    return subprocess.run(
        [sys.executable, *words], cwd=folder, env={**os.environ, **WINDOWS}, capture_output=True, text=True, check=False
    )  # fmt: skip


def test_fit_test_and_predict_give_the_same_without_posix(
    tmp_path: Path, run_in: Callable[..., Path]
) -> None:
    flags = [*own_table(tmp_path), "--trainer.max_epochs", "1"]

    def commands(name: str) -> list[list[str]]:
        fit, asked = ["fit", "--name", name, *flags], ["--ckpt_path", f"runs/{name}"]
        return [fit, ["test", *asked], ["predict", *asked, "--data.predict_path", "mols.csv"]]

    for words in commands("here"):
        runs = run_in(*words)
    code = f"import train\nfor words in {commands('there')}: train.main(words)"  # in one process, for speed
    result = on_windows("-c", code, folder=tmp_path)
    assert result.returncode == 0, result.stderr[-3000:]
    here, there = (
        {path.relative_to(runs / name): path for path in sorted((runs / name).rglob("*.csv"))}
        for name in ("here", "there")
    )
    assert set(here) == set(there)
    compared = [path for path in here if "predictions" in path.parts]
    assert len(compared) == 3
    for path in compared:
        assert here[path].read_bytes() == there[path].read_bytes(), path
    assert (
        last_metrics(runs / "here" / "metrics.csv")["val/loss"]
        == last_metrics(runs / "there" / "metrics.csv")["val/loss"]
    )
    assert not list(runs.rglob(".claim"))


def test_show_prints_what_the_encoding_lacks(tmp_path: Path) -> None:
    with (tmp_path / "table.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(
            [("a", "b"), *((f"x{number}", f"1-\u03bb1-{number}") for number in range(9))]
        )
    flags = ["--data.source", "table.csv", "--data.input_column", "a", "--data.output_column", "b"]
    result = command(["show", *flags], tmp_path, **WINDOWS)
    assert result.returncode == 0, result.stderr[-3000:]
    assert re.search(r"x\d ->\\u27e6 1-\\u03bb1-\d</s>\\u27e7", result.stdout)


def test_studies_say_in_one_line_that_they_need_posix(tmp_path: Path) -> None:
    result = command(["studies", "list", "epochs"], tmp_path, **WINDOWS)
    assert result.returncode == 1
    assert "error: studies needs file locks as Linux and macOS have them" in result.stderr
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    "call", ["os.getuid()", "os.open('.', os.O_RDONLY)", "os.kill(os.getpid(), 0)", "signal.SIGKILL"]
)
def test_the_helper_takes_away_what_windows_lacks(call: str) -> None:
    run = f"import os, signal\nexec(compile({call!r}, FILE, 'exec'))"
    assert on_windows("-c", f"FILE = '/lib/x.py'\n{run}").returncode == 0
    assert on_windows("-c", f"FILE = {str(PROJECT / 'cli' / 'x.py')!r}\n{run}").returncode == 1
