"""Typical mistakes, each typed to a real process: one line, early, and nothing is left behind."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from tests.helpers.mistakes import MISTAKES, Mistake, make_files, split
from tests.helpers.runs import PROJECT

EVERY = 6
"""One of so many mistakes is typed by the default tests, all of them by `pytest -m stress`."""
SLACK = 2.0
"""How much more processor time other machines may take."""
MOST = 3.0
"""Seconds of processor time that no mistake may take."""


def type_mistake(mistake: Mistake, folder: Path) -> None:
    """Run a command line in a folder of its own, and check how it ends."""
    make_files(folder)
    before = sorted(path.name for path in folder.rglob("*"))
    with (folder / "out").open("w") as out, (folder / "err").open("w") as err:
        process = subprocess.Popen(
            [sys.executable, str(PROJECT / "train.py"), *split(mistake)],
            cwd=folder, env={**os.environ, "WANDB_MODE": "offline", "OMP_NUM_THREADS": "1"}, stdout=out, stderr=err,
        )  # fmt: skip
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    line, *more = (folder / "err").read_text().splitlines()
    assert line.startswith("error: ")
    assert mistake.told in line
    assert len(more) == (mistake.status == 2)
    assert all(text.startswith("See `python train.py ") for text in more)
    assert (folder / "out").read_text() == ""
    assert process.returncode == mistake.status
    assert sorted(path.name for path in folder.rglob("*") if path.name not in ("out", "err")) == before
    seconds = usage.ru_utime + usage.ru_stime
    assert seconds < min(MOST, SLACK * mistake.seconds), f"{seconds:.2f} s"


def has_gpu(mistake: Mistake) -> bool:
    return "gpu" in mistake.line and "gpuu" not in mistake.line and torch.cuda.is_available()


@pytest.mark.parametrize("mistake", MISTAKES[::EVERY], ids=lambda mistake: mistake.line[:60])
def test_mistake_is_told_in_one_line_early_and_leaves_nothing(tmp_path: Path, mistake: Mistake) -> None:
    if has_gpu(mistake):
        pytest.skip("this machine has a GPU")
    type_mistake(mistake, tmp_path)


@pytest.mark.stress
@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.line[:60])
def test_every_mistake_is_told_in_one_line_early_and_leaves_nothing(tmp_path: Path, mistake: Mistake) -> None:
    if has_gpu(mistake):
        pytest.skip("this machine has a GPU")
    type_mistake(mistake, tmp_path)


def test_most_mistakes_are_told_in_a_third_of_a_second() -> None:
    assert len(MISTAKES) >= 60
    assert sum(mistake.seconds == 0.3 for mistake in MISTAKES) > len(MISTAKES) / 2
    assert max(mistake.seconds for mistake in MISTAKES) <= 3
