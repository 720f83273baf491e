"""Kill a process while it writes last.ckpt: the file loads, and is the last that was whole."""

from __future__ import annotations

import os
import random
import signal
import tempfile
import time
from pathlib import Path

import torch

from callbacks.run.checkpoint_io import CheckpointWriter

ROWS = 4_000_000


def attempt(seed: int, folder: Path) -> None:
    """Write 16 MB checkpoints one after another in a fork, kill it within one, and load what is there."""
    rng = random.Random(seed)
    with tempfile.TemporaryDirectory() as disk:  # `folder` may be in memory
        _kill_writer(rng, Path(disk) / "last.ckpt")


def _kill_writer(rng: random.Random, path: Path) -> None:
    reader, writer = os.pipe()
    pid = os.fork()
    if not pid:
        for step in range(1000):
            weights = torch.full((ROWS,), float(step))
            os.write(writer, b"b")
            CheckpointWriter().save_checkpoint({"step": step, "weights": weights}, path)
            os.write(writer, b"e")
    os.close(writer)
    told = b""
    for _ in range(2 * rng.randint(1, 4) + 1):  # one is whole at least, and another has begun
        told += os.read(reader, 1)
    time.sleep(rng.uniform(0, 0.03))
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    while piece := os.read(reader, 100):
        told += piece
    os.close(reader)
    whole = told.count(b"e") - 1
    read = torch.load(path, weights_only=True)
    assert read["step"] in (whole, whole + 1), f"step {read['step']}, but {whole} had been written"
    assert torch.equal(read["weights"], torch.full((ROWS,), float(read["step"])))
