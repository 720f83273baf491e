"""Fill the disk of a run's folder, or of TMPDIR, at a random step."""

from __future__ import annotations

import os
import random
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from tests.stress.forks import ForkedRun
from tests.stress.resuming import differences, outcome, prepare, reference

MEGABYTE = 2**20


def attempt(case: dict[str, Any], folder: Path) -> None:
    """Try `case["where"]`: `run` or `tmp`."""
    {"run": _run, "tmp": _tmp}[case["where"]](case["seed"], folder)


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[Path]:
    """Mount a disk of its own at a folder; needs root."""
    folder.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)
        folder.rmdir()


def _fill(folder: Path, leave: int) -> Path:
    """Write a file that leaves so many bytes free."""
    path = folder / "filler"
    free = shutil.disk_usage(folder).free
    with path.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, max(1, free - leave))
    return path


def _fill_between_writes(run: ForkedRun, disk: Path, leave: int) -> Path:
    """Fill the disk while no checkpoint is being written: the end of one gives back the room of the one before."""
    while True:
        run.kill(signal.SIGSTOP)
        time.sleep(0.02)
        if not list(disk.glob("checkpoints/.*")):
            break
        run.kill(signal.SIGCONT)
        time.sleep(0.01)
    filler = _fill(disk, leave)
    run.kill(signal.SIGCONT)
    return filler


def _run(seed: int, folder: Path) -> None:
    """The run's folder: one line with the bytes that are missing, status 74, and the checkpoint before it goes on."""
    rng, name = random.Random(seed), f"full-{seed}"
    expected = reference(folder, 1)
    size = (folder / "runs" / "plain-1" / "checkpoints" / "last.ckpt").stat().st_size
    with small_disk(folder / "runs" / name, 8 * size // MEGABYTE + 10) as disk:
        run = ForkedRun(["fit", "--name", name, *prepare(folder)], folder)
        assert run.wait_for(f"step {rng.randint(2, expected['global_step'] - 2)}")
        filler = _fill_between_writes(run, disk, rng.randint(0, size * 9 // 10))
        assert run.wait() == [74], run.output.read_text()[-3000:]
        output = run.output.read_text()
        [line] = [line for line in output.splitlines() if line.startswith("error:")]
        assert re.search(r"[1-9][\d,]* bytes (short|is needed)", line), line
        assert "Traceback" not in output
        assert torch.load(disk / "checkpoints" / "last.ckpt", weights_only=True)["global_step"] <= run.steps
        assert not list((disk / "checkpoints").glob(".*"))
        filler.unlink()
        ForkedRun(["fit", "--ckpt_path", "last"], folder).finish()
        different = differences(outcome(disk), expected)
        assert not different, different[:5]


def _tmp(seed: int, folder: Path) -> None:
    """TMPDIR: nothing that a run cannot do without is written there, so it goes on to the end."""
    rng, name = random.Random(seed), f"tmp-{seed}"
    expected = reference(folder, 1)
    with small_disk(folder / f"tmp-{seed}", 1) as disk:
        _fill(disk, 0)
        workers = ["--data.num_workers", str(rng.choice((0, 2)))]
        ForkedRun(["fit", "--name", name, *prepare(folder), *workers], folder, TMPDIR=str(disk)).finish()
    different = differences(outcome(folder / "runs" / name), expected)
    assert not different, different[:5]
    shutil.rmtree(folder / "runs" / name)
