"""A folder belongs to one run: fits of one name at once, and what kill -9 of a launcher leaves behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
import yaml

from cli.run.claim import FILE, find_start, read_holder
from tests.helpers.runs import PROJECT, command, own_table

LIMIT = 240.0
"""Seconds until a test that hangs fails."""
Fits = list["subprocess.Popen[str]"]


def begin(folder: Path, *words: str, shell: bool = False) -> subprocess.Popen[str]:
    """Begin a fit in a folder, as the child of a shell if asked."""
    args = [sys.executable, str(PROJECT / "train.py"), "fit", *own_table(folder), *words]
    if shell:
        args = ["bash", "-c", '"$@"; true', "bash", *args]
    environment = {**os.environ, "WANDB_MODE": "disabled", "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    return subprocess.Popen(
        args, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def await_holder(run: Path) -> int:
    """Wait until a process holds a run and has written its first checkpoint; return its id."""
    deadline = time.monotonic() + LIMIT
    while not (run / "checkpoints" / "last.ckpt").is_file():
        assert time.monotonic() < deadline
        time.sleep(0.1)
    holder = read_holder(run / FILE)
    assert holder is not None
    return int(holder["pid"])


def await_end(pids: list[int]) -> None:
    deadline = time.monotonic() + LIMIT
    while any(find_start(pid) is not None for pid in pids):
        assert time.monotonic() < deadline
        time.sleep(0.1)


def children_of(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@pytest.fixture
def fits() -> Iterator[Fits]:
    """Processes that are killed at the end."""
    begun: Fits = []
    yield begun
    for process in begun:
        process.kill()
        process.communicate()


def test_of_two_fits_of_one_name_at_once_one_is_refused(tmp_path: Path, fits: Fits) -> None:
    formats = ("arrow", "tags")
    fits += [begin(tmp_path, "--name", "twin", "--data.format", name) for name in formats]
    ends = [process.communicate(timeout=LIMIT) for process in fits]
    codes = [process.returncode for process in fits]
    assert sorted(codes) == [0, 1], ends
    refused = ends[codes.index(1)][1]
    assert "error: runs/twin is in use since" in refused or "error: runs/twin already holds a run" in refused
    settings = yaml.safe_load((tmp_path / "runs" / "twin" / "config.yaml").read_text())
    assert settings["data"]["format"] == formats[codes.index(0)]


def go_on(folder: Path) -> None:
    """Go on with the run to the end of the epoch that it is in."""
    last = torch.load(folder / "runs" / "mine" / "checkpoints" / "last.ckpt", weights_only=True)
    epochs = str(last["epoch"] + 1)
    done = command(["fit", "--ckpt_path", "last", "--name", "mine", "--trainer.max_epochs", epochs], folder)
    assert done.returncode == 0, done.stderr[-3000:]


ENDLESS = ["--name", "mine", "--trainer.max_epochs", "100000", "--checkpoint.minutes", "0"]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_an_orphan_of_a_killed_launcher_is_named_and_not_joined(tmp_path: Path, fits: Fits) -> None:
    fits.append(begin(tmp_path, *ENDLESS, shell=True))
    orphan = await_holder(tmp_path / "runs" / "mine")
    try:
        fits[0].kill()
        fits[0].wait()
        refused = command(["fit", "--ckpt_path", "last", "--name", "mine"], tmp_path)
        assert refused.returncode == 1
        assert f"by process {orphan} on" in refused.stderr.splitlines()[-1]
        assert find_start(orphan) is not None
    finally:
        os.kill(orphan, signal.SIGKILL)
    await_end([orphan])
    go_on(tmp_path)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="looks for children in /proc")
def test_ranks_of_a_killed_rank_0_end_and_the_run_goes_on(tmp_path: Path, fits: Fits) -> None:
    ranks = ["--trainer.accelerator", "cpu", "--trainer.devices", "2", "--trainer.strategy", "ddp"]
    fits.append(begin(tmp_path, *ENDLESS, *ranks))
    first = await_holder(tmp_path / "runs" / "mine")
    assert first == fits[0].pid
    others = children_of(first)
    assert others
    fits[0].kill()
    fits[0].wait()
    await_end(others)
    go_on(tmp_path)
