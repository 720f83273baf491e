"""How long a person waits: for `--help`, and from the command to the end of the first training step."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import lightning.pytorch as pl

PROJECT = Path(__file__).resolve().parents[1]
MARK = "PATOIS_BENCH_MARK"


class FirstStep(pl.Callback):
    """Writes a file when the first training step is done, for the process that waits for it."""

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Write the file."""
        Path(os.environ[MARK]).touch()


def time_help(words: tuple[str, ...] = ("fit", "--help")) -> float:
    """Return the seconds that a help page takes."""
    start = time.perf_counter()
    subprocess.run([sys.executable, "train.py", *words], cwd=PROJECT, check=True, capture_output=True)
    return time.perf_counter() - start


def time_first_step(*flags: str) -> float:
    """Return the seconds from `python train.py fit` to the end of its first training step."""
    with tempfile.TemporaryDirectory() as folder:
        mark = Path(folder) / "mark"
        words = [
            sys.executable,
            str(PROJECT / "train.py"),
            "fit",
            "--trainer.callbacks+=bench.startup.FirstStep",
        ]
        environment = {
            **os.environ, MARK: str(mark), "WANDB_MODE": "offline", "PYTHONPATH": str(PROJECT), "PATOIS_ALLOW": "bench",
        }  # fmt: skip
        start = time.perf_counter()
        run = subprocess.Popen(
            [*words, *flags],
            cwd=folder,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            while not mark.exists():
                if run.poll() is not None:
                    raise RuntimeError(f"The run ended with code {run.returncode} before its first step.")
                time.sleep(0.01)
            return time.perf_counter() - start
        finally:
            run.kill()
            run.wait()


def measure() -> dict[str, float]:
    """Return the seconds of the help page and of the first step of the default run."""
    return {"help": time_help(), "first_step": time_first_step()}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(measure()) + "\n")
