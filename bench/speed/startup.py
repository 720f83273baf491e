"""Time that a user waits: for `--help`, and from the command to the end of the first training step."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lightning.pytorch as pl

from configs.lookup import PROJECT
from datamodules.storage.atomic_write import whole_file

MARK = "PATOIS_BENCH_MARK"
PHASES = ("imports", "data", "weights", "batch", "step")
"""Phases in their order: imports, command line and tokenizer; rows and tokens (loggers also start here); the
decoder and its optimizer; the first batch; the first optimizer step."""


class FirstStep(pl.Callback):
    """After the first training step, writes when each phase ended, for the process that waits for it."""

    def __init__(self) -> None:
        self.ends = {"imports": time.monotonic()}

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        """Note that the data module is ready; its own `setup` runs before this."""
        self.ends["data"] = time.monotonic()

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Note that the decoder is ready."""
        self.ends.setdefault("weights", time.monotonic())

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Note that the first batch is ready."""
        self.ends.setdefault("batch", time.monotonic())

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Write the file atomically."""
        mark = Path(os.environ[MARK])
        if mark.exists():
            return
        self.ends["step"] = time.monotonic()
        data: Any = trainer.datamodule  # type: ignore[attr-defined]
        facts = {
            "rows": data.report["rows"],
            "tokens": int(data.data.sides["train"].encoded.offsets[-1]),
            "batch_shape": list(batch["input_ids"].shape),
        }
        with whole_file(mark) as file:
            json.dump({"ends": self.ends, "facts": facts}, file)


def time_help(words: tuple[str, ...] = ("fit", "--help")) -> float:
    """Return the seconds that a help page takes to show."""
    start = time.perf_counter()
    subprocess.run([sys.executable, "train.py", *words], cwd=PROJECT, check=True, capture_output=True)
    return time.perf_counter() - start


def run_to_first_step(
    *flags: str, look: Callable[[int], None] = lambda _: None, every: float = 0.01
) -> dict[str, Any]:
    """Run `python train.py fit` to the end of its first training step, then kill it.

    Args:
        flags: Flags of the run.
        look: Called repeatedly with the id of the run's process while it runs.
        every: Seconds between two calls.

    Returns:
        The seconds of each of `PHASES`, of all of them (`first_step`), and the sizes of the run's data.
    """
    with tempfile.TemporaryDirectory() as folder:
        mark = Path(folder) / "mark"
        words = [
            sys.executable,
            str(PROJECT / "train.py"),
            "fit",
            "--trainer.callbacks+=bench.speed.startup.FirstStep",
        ]
        environment = {
            **os.environ, MARK: str(mark), "WANDB_MODE": "offline", "PYTHONPATH": str(PROJECT), "PATOIS_ALLOW": "bench",
        }  # fmt: skip
        with (Path(folder) / "errors").open("w+") as errors:
            start = time.monotonic()  # one clock for all processes of a machine
            run = subprocess.Popen(
                [*words, *flags], cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=errors
            )
            try:
                while not mark.exists():
                    if run.poll() is not None:
                        errors.seek(0)
                        raise RuntimeError(
                            f"The run ended with code {run.returncode} before its first step.\n{errors.read()[-1000:]}"
                        )
                    look(run.pid)
                    time.sleep(every)
                look(run.pid)
            finally:
                run.kill()
                run.wait()
        found = json.loads(mark.read_text())
    seconds, before = {}, start
    for phase in PHASES:
        seconds[phase] = found["ends"][phase] - before
        before = found["ends"][phase]
    return {**seconds, "first_step": before - start, **found["facts"]}


def time_first_step(*flags: str) -> float:
    """Return the seconds from `python train.py fit` to the end of its first training step."""
    return float(run_to_first_step(*flags)["first_step"])


def measure() -> dict[str, float]:
    """Return the seconds of the help page and of the first step of the default run."""
    return {"help": time_help(), "first_step": time_first_step()}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(measure()) + "\n")
